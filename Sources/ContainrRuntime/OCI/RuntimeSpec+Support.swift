import ContainrCore
import ContainrOCI
import Glibc

extension OCI.RuntimeSpec {
  /// Refuses what the specification has and this runtime does not do, rather than to pass it over.
  ///
  /// - Throws: `UNSUPPORTED` with the name.
  func checkSupport() throws(ContainrError) {
    if linux?.netDevices?.isEmpty == false { throw Self.unsupported("linux.netDevices", "moving network interfaces") }
    if linux?.intelRdt != nil {
      let isMounted = access("/sys/fs/resctrl/schemata", F_OK) == 0
      throw Self.unsupported(
        "linux.intelRdt",
        isMounted ? "Intel's Resource Director Technology" : "resctrl, which this machine has not mounted at /sys/fs/resctrl")
    }
    // Other platforms' sections say nothing to a container of Linux, but for those that ask for another machine.
    if let name = ["vm", "windows", "solaris", "zos", "freebsd"].first(where: { otherPlatforms[$0] != nil }), linux == nil {
      throw Self.unsupported(name, "a container of another platform")
    }
  }

  private static func unsupported(_ option: String, _ what: String) -> ContainrError {
    ContainrError(.unsupported, "checking the container's configuration", hint: "\(option): \(what) is not supported")
  }
}
