import ContainrCore
import SystemPackage

/// `devices.*` of version 1 (`cgroup-v1/devices.rst`) and, on version 2, an eBPF program on the directory.
enum DevicesController: ControllerFiles {
  static var controller: CgroupControllers { .devices }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    guard let rules = resources.devices else { return }
    switch limits.version {
    case .v1: try applyV1(rules, to: limits.directory)
    case .v2:
      if !limits.directory.isSimulated { try DeviceProgram(rules).attach(to: limits.directory) }
    }
  }

  private static func applyV1(_ rules: [DeviceRule], to directory: CgroupDirectory) throws(ContainrError) {
    let writes = try DeviceList(rules).writes
    let deny = try directory.open("devices.deny", .cgroupLimit)
    let allow = try directory.open("devices.allow", .cgroupLimit)
    let earlier = directory.isFresh ? "" : try directory.readIfPresent("devices.list", .cgroupLimit) ?? ""
    var hasChanged = false
    do throws(ContainrError) {
      for write in writes {
        if write.allow {
          try directory.write(write.entry, to: allow, "devices.allow", hint: hint)
        } else {
          try directory.write(write.entry, to: deny, "devices.deny", hint: hint)
        }
        hasChanged = true
      }
    } catch {
      var error = error
      guard hasChanged, !directory.isFresh else { throw error }
      if let failure = takeBack(to: earlier, deny, allow, directory) { error.hint = failure }
      throw error
    }
  }

  /// Puts the listed rules back. A list that allows everything hides what it excepts: there all stays denied.
  private static func takeBack(
    to list: String, _ deny: borrowing OwnedDescriptor, _ allow: borrowing OwnedDescriptor, _ directory: CgroupDirectory
  ) -> String? {
    do throws(ContainrError) {
      try directory.write("a", to: deny, "devices.deny")
      guard !list.hasPrefix("a ") else {
        return "the rules before allowed everything but what the kernel does not list: now all is denied; set rules again"
      }
      for entry in list.split(separator: "\n") { try directory.write(String(entry), to: allow, "devices.allow") }
      return nil
    } catch {
      return "the rules before could not be put back: \(error.summary)"
    }
  }

  private static func hint(_ errno: Errno) -> String? {
    switch errno {
    case .notPermitted: "the parent cgroup does not allow this device"
    case .invalidArgument: "the kernel changes the default only in a cgroup without children"
    default: nil
    }
  }
}
