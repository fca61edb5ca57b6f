import ContainrCore
import Glibc
import SystemPackage

/// The running kernel's SELinux (`selinux(8)`).
public enum SELinux {
  private static let directory = "/sys/fs/selinux"

  /// Whether the kernel runs it, with a policy loaded and its file system mounted. Looked at once a program.
  public static let isEnabled = access(directory + "/enforce", F_OK) == 0

  /// Whether what the policy does not allow fails; otherwise it is only logged.
  ///
  /// - Throws: `SECURITY_MODULE` where SELinux is not there.
  public static func isEnforcing() throws(ContainrError) -> Bool {
    guard isEnabled else { throw missing("asking whether SELinux enforces") }
    return try FileContents.text(FilePath(directory + "/enforce"), limit: 16, code: .securityModule).hasPrefix("1")
  }

  /// The label of the calling thread.
  ///
  /// - Throws: `SECURITY_MODULE` where SELinux is not there.
  public static func currentContext() throws(ContainrError) -> SELinuxContext {
    guard isEnabled else { throw missing("reading the SELinux label of this process") }
    let text = try FileContents.text("/proc/thread-self/attr/current", limit: 4096, code: .securityModule)
    return try SELinuxContext(parsing: String(text.prefix { $0 != "\n" && $0 != "\0" }))
  }

  /// Asks the loaded policy whether it knows a label (`/sys/fs/selinux/context`).
  ///
  /// - Throws: `SECURITY_MODULE` where it does not, or SELinux is not there.
  public static func validate(_ context: SELinuxContext) throws(ContainrError) {
    guard isEnabled else { throw missing("using the SELinux label \(context)") }
    try FileContents.writeKernelFile(
      "\(context)", to: FilePath(directory + "/context"), code: .securityModule, hint: "the loaded policy has no such label")
  }

  /// The labels that the policy has for containers (`contexts/lxc_contexts` of the policy that `/etc/selinux/config` names).
  ///
  /// - Throws: `SECURITY_MODULE` where the policy names none.
  public static func containerContexts() throws(ContainrError) -> (process: SELinuxContext, file: SELinuxContext) {
    let configuration = try FileContents.textIfPresent("/etc/selinux/config") ?? ""
    guard let policy = value("SELINUXTYPE", in: configuration), !policy.contains("/"), policy != ".." else {
      throw noContainerContexts("/etc/selinux/config names no policy")
    }
    let path = "/etc/selinux/\(policy)/contexts/lxc_contexts"
    guard let text = try FileContents.textIfPresent(FilePath(path)) else { throw noContainerContexts("there is no \(path)") }
    guard let process = value("process", in: text), let file = value("file", in: text) else {
      throw noContainerContexts("\(path) has no process and file")
    }
    return (try SELinuxContext(parsing: process), try SELinuxContext(parsing: file))
  }

  /// `name = "value"` or `NAME=value`.
  static func value(_ name: String, in text: String) -> String? {
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }) == name else { continue }
      return String(parts[1].filter { !$0.isWhitespace && $0 != "\"" })
    }
    return nil
  }

  static func missing(_ activity: String) -> ContainrError {
    ContainrError(
      .securityModule, activity,
      hint: "this kernel does not run SELinux with a policy: boot it with security=selinux, or ask for label=disable")
  }

  private static func noContainerContexts(_ hint: String) -> ContainrError {
    ContainrError(.securityModule, "looking for the SELinux labels of containers", hint: "\(hint); give a whole label")
  }
}
