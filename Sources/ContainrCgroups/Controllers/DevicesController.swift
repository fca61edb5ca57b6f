import ContainrCore
import SystemPackage

/// `devices.*` of version 1 (`cgroup-v1/devices.rst`) and, on version 2, an eBPF program on the directory.
enum DevicesController: ControllerFiles {
  static var controller: CgroupControllers { .devices }

  static func apply(_ resources: CgroupResources, to directory: CgroupDirectory) throws(ContainrError) {
    guard let rules = resources.devices else { return }
    switch directory.version {
    case .v1: try applyV1(rules, to: directory)
    case .v2:
      if !directory.isSimulated { try DeviceProgram(rules).attach(to: directory) }
    }
  }

  private static func applyV1(_ rules: [DeviceRule], to directory: CgroupDirectory) throws(ContainrError) {
    let writes = try DeviceList(rules).writes
    let deny = try directory.open("devices.deny", .cgroupLimit)
    let allow = try directory.open("devices.allow", .cgroupLimit)
    for write in writes {
      if write.allow {
        try directory.write(write.entry, to: allow, "devices.allow", hint: hint)
      } else {
        try directory.write(write.entry, to: deny, "devices.deny", hint: hint)
      }
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
