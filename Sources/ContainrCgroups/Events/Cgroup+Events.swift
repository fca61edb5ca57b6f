import ContainrCore

extension Cgroup {
  /// What happens in the cgroup from now on: memory that runs out, limits that are reached, the last process that ends.
  ///
  /// Opens two to six descriptors at once, so that nothing after this call is missed. See ``CgroupEvents`` for what each
  /// version tells.
  ///
  /// - Throws: `CGROUP_STATISTICS`, `PERMISSION_DENIED` (version 1 memory needs write access to `cgroup.event_control`),
  ///   `RESOURCE_EXHAUSTED`, `UNSUPPORTED` on a simulated machine.
  public func events() throws(ContainrError) -> CgroupEvents {
    guard !layout.isSimulated else {
      throw ContainrError(.unsupported, "watching the cgroup \(path)", hint: "ordinary files notify nobody")
    }
    return CgroupEvents(watch: try CgroupWatch(self))
  }

  /// The times at which processes of the cgroup waited too long for a resource (`accounting/psi.rst`, Linux 5.2).
  ///
  /// - Throws: `UNSUPPORTED` where the cgroup has no version 2 directory or the kernel no pressure stall information;
  ///   `CGROUP_LIMIT` where it refuses the trigger, `PERMISSION_DENIED`.
  public func pressureEvents(_ trigger: PressureTrigger) throws(ContainrError) -> PressureEvents {
    guard let unified, !unified.isSimulated else {
      throw ContainrError(
        .unsupported, "setting the pressure trigger \"\(trigger)\" for the cgroup \(path)",
        hint: "version 1 has no pressure files: make the cgroup with controllers that include .unified")
    }
    return try PressureEvents(trigger, in: unified)
  }
}
