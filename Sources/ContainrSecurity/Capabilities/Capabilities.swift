import CContainrLinux
import ContainrCore

/// The five capability sets of a process (`capabilities(7)`), as `capset(2)` and `prctl(2)` set them before exec.
public struct Capabilities: Hashable, Sendable {
  /// What the process and its descendants can ever gain through an exec.
  public var bounding: CapabilitySet
  /// What the kernel checks.
  public var effective: CapabilitySet
  /// What the process may make effective.
  public var permitted: CapabilitySet
  /// What an exec keeps for programs with inheritable file capabilities: empty, except what ``ambient`` needs.
  public var inheritable: CapabilitySet
  /// What an exec gives to an unprivileged program. The kernel demands it in ``permitted`` and ``inheritable`` too.
  public var ambient: CapabilitySet

  /// Takes the sets one by one; each is empty unless given.
  public init(
    bounding: CapabilitySet = [], effective: CapabilitySet = [], permitted: CapabilitySet = [],
    inheritable: CapabilitySet = [], ambient: CapabilitySet = []
  ) {
    self.bounding = bounding
    self.effective = effective
    self.permitted = permitted
    self.inheritable = inheritable
    self.ambient = ambient
  }

  /// The sets of a container's process that is given `granted`.
  ///
  /// For user id 0, bounding, effective and permitted are `granted`. For any other user the bounding set is `granted`, and the
  /// process has nothing unless it is asked for in `ambient`: the kernel empties effective and permitted at exec, and a
  /// set-user-id program in the image can gain what the bounding set has, unless no-new-privileges forbids it.
  /// Inheritable is empty, so that no program with inheritable file capabilities gains anything (CVE-2022-29162), but
  /// holds `ambient`, because the kernel refuses to raise an ambient capability that is not inheritable.
  ///
  /// - Throws: `CAPABILITY` where `ambient` has more than `granted`.
  public init(granting granted: CapabilitySet, toUser uid: UInt32, ambient: CapabilitySet = []) throws(ContainrError) {
    guard ambient.isSubset(of: granted) else {
      throw ContainrError(
        .capability, "giving the ambient capabilities \(ambient.subtracting(granted))",
        hint: "add them to the container's capabilities as well")
    }
    let held = uid == 0 ? granted : ambient
    self.init(bounding: granted, effective: held, permitted: held, inheritable: ambient, ambient: ambient)
  }

  /// The sets of the calling thread.
  ///
  /// - Throws: `CAPABILITY` where `capget(2)` fails.
  public static func ofCaller() throws(ContainrError) -> Capabilities {
    var sets = cl_capability_sets()
    try check(cl_capability_read(&sets), .capability, "capget(2)", "reading the capabilities of this process")
    return Capabilities(
      bounding: CapabilitySet(rawValue: sets.bounding), effective: CapabilitySet(rawValue: sets.effective),
      permitted: CapabilitySet(rawValue: sets.permitted), inheritable: CapabilitySet(rawValue: sets.inheritable),
      ambient: CapabilitySet(rawValue: sets.ambient))
  }
}

extension Capabilities: CustomStringConvertible {
  /// One line a set, as `/proc/PID/status` orders them, with names. ``CapabilityState`` is the short form, as `capsh` has it.
  public var description: String {
    """
    inheritable: \(inheritable)
    permitted:   \(permitted)
    effective:   \(effective)
    bounding:    \(bounding)
    ambient:     \(ambient)
    """
  }
}
