import ContainrCore
import SystemPackage

/// Files of the version 2 directory by name, the `unified` of `runtime-spec config-linux.md#unified`.
enum UnifiedController: ControllerFiles {
  static var controller: CgroupControllers { .unified }

  /// Core files that bound the tree below. Others of `cgroup.*` move, freeze or kill processes, or change who has controllers.
  private static let core: Set<String> = ["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"]

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    guard limits.version == .v2 else { return }
    for (name, value) in resources.unified.sorted(by: { $0.key < $1.key }) {
      try limits.write(name, value) { errno in
        errno == .invalidArgument ? "not in the form of this file: see cgroup-v2.rst" : nil
      }
    }
  }

  /// The controller of a file: what stands before its first dot. None for the core files and for a name of no controller.
  static func controller(of name: String) -> CgroupControllers {
    CgroupControllers(list: name.utf8.prefix { $0 != UInt8(ascii: ".") }, version: .v2)
      .subtracting([.devices, .freezer, .cpuacct, .netCls, .netPrio, .perfEvent])
  }

  /// Refuses a name that is no file of a controller, and one whose controller this machine has on version 1.
  static func check(_ unified: [String: String], on layout: CgroupLayout) throws(ContainrError) {
    for name in unified.keys.sorted() {
      let activity = "setting the version 2 file \"\(name)\""
      guard layout.unified != nil else {
        throw ContainrError(.unsupported, activity, hint: "no version 2 hierarchy is mounted: use the typed limits")
      }
      let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      let isPlain =
        parts.count > 1
        && parts.allSatisfy {
          !$0.isEmpty && $0.allSatisfy { ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5f }
        }
      guard isPlain else {
        throw ContainrError(.cgroupLimit, activity, hint: "a plain file name such as memory.high, without a slash")
      }
      if name.hasPrefix("cgroup.") {
        guard core.contains(name) else {
          throw ContainrError(.cgroupLimit, activity, hint: "of the core files only \(core.sorted()) are limits")
        }
        continue
      }
      let controller = controller(of: name)
      guard !controller.isEmpty else {
        throw ContainrError(.cgroupControllerMissing, activity, hint: "no controller of that name is known")
      }
      guard layout.version(of: controller) != .v1 else {
        throw ContainrError(
          .unsupported, activity, hint: "this machine has the controller \(controller) on version 1: use the typed limits")
      }
    }
  }
}
