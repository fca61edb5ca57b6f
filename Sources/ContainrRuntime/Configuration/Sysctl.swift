import ContainrCore
import ContainrNamespaces

/// Kernel parameters of namespaces (sysctl(8)).
enum Sysctl {
  /// Refuses parameters of no namespace, and of one that is the host's: both would change the host. A value is one line, so
  /// that it cannot carry a second parameter (CVE-2022-0811).
  ///
  /// - Throws: `INVALID_ARGUMENT`.
  static func check(
    _ name: String, _ value: String, isNamespaced: (NamespaceKind) -> Bool
  ) throws(ContainrError) {
    func refuse(_ hint: String) -> ContainrError {
      ContainrError(.invalidArgument, "checking the kernel parameter \(name)=\(value)", hint: hint)
    }
    let allowed = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    let path = name.replacingDots
    // "net/../kernel/core_pattern" is a parameter of the host.
    let components = path.split(separator: "/", omittingEmptySubsequences: false)
    guard allowed, components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refuse("a name such as net.ipv4.ip_forward")
    }
    guard value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else { throw refuse("a value is one line of text") }
    guard let kind = kind(of: path) else {
      throw refuse("only net.*, fs.mqueue.*, the IPC parameters of kernel.* and kernel.domainname belong to a namespace")
    }
    guard isNamespaced(kind) else { throw refuse("the \(kind) namespace is the host's") }
  }

  private static func kind(of path: String) -> NamespaceKind? {
    if path.hasPrefix("net/") { return .net }
    if path.hasPrefix("fs/mqueue/") || interProcess.contains(path) { return .ipc }
    // The host's name is not among them: it has a field of its own.
    return path == "kernel/domainname" ? .uts : nil
  }

  private static let interProcess: Set<String> = [
    "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
    "kernel/shm_rmid_forced",
  ]
}

extension String {
  /// A kernel parameter's name as a path below /proc/sys: `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.1/forwarding`, in
  /// which dots stand for themselves once there is a slash (sysctl(8)).
  var replacingDots: String {
    contains("/") ? self : split(separator: ".", omittingEmptySubsequences: false).joined(separator: "/")
  }
}
