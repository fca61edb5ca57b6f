import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

extension LandlockRuleset {
  /// Restricts the calling thread, and all that it starts from now on; sets no-new-privileges on it.
  ///
  /// Other threads that run already are not restricted: call it at the begin of `main`. Paths are those of the host, followed
  /// as `open(2)` does. It cannot be undone.
  ///
  /// - Throws: `UNSUPPORTED` as ``resolve(for:)``, `SECURITY_MODULE` where the kernel refuses, `IO_FAILURE` for a path that
  ///   cannot be opened.
  public func restrictCallingThread() throws(ContainrError) {
    guard let rules = try resolve() else { return }
    let ruleset = OwnedDescriptor(
      owning: try check(
        cl_landlock_create_ruleset(rules.deniedFiles.rawValue, rules.deniedNetwork.rawValue, rules.scope.rawValue),
        .securityModule, "landlock_create_ruleset(2)", "making Landlock rules"))
    for rule in rules.rules {
      switch rule {
      case .path(let path, let access, let mayBeMissing):
        if mayBeMissing, Glibc.access(path, F_OK) != 0, Errno.current == .noSuchFileOrDirectory { continue }
        let file = try OwnedDescriptor.open(FilePath(path), flags: CInt(CL_O_PATH))
        try check(
          cl_landlock_add_path(ruleset.rawValue, file.rawValue, access.rawValue, LandlockFileAccess.ofFiles.rawValue),
          .securityModule, "landlock_add_rule(2)", "granting \(access) below \(path)")
      case .port(let port, let access):
        try check(
          cl_landlock_add_port(ruleset.rawValue, UInt64(port), access.rawValue), .securityModule, "landlock_add_rule(2)",
          "granting \(access) on port \(port)")
      }
    }
    try check(cl_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), .securityModule, "prctl(2)", "setting no-new-privileges")
    try check(
      cl_landlock_restrict_self(ruleset.rawValue, rules.logging.rawValue), .securityModule, "landlock_restrict_self(2)",
      "restricting this thread by Landlock")
  }
}

extension LaunchPlan {
  /// Appends the operations that put the process under a rule set, as far as the running kernel knows it.
  ///
  /// They belong after the change of root, before the seccomp filter, and after no-new-privileges or while the process still
  /// has `CAP_SYS_ADMIN`. Paths are resolved inside the root that the process has by then, by `openat2(2)`.
  ///
  /// - Throws: `UNSUPPORTED` as ``LandlockRuleset/resolve(for:)``.
  public mutating func append(landlock ruleset: LandlockRuleset) throws(ContainrError) {
    guard let rules = try ruleset.resolve() else { return }
    let slot = makeSlot()
    append(
      .landlockRuleset(
        slot, files: rules.deniedFiles.rawValue, network: rules.deniedNetwork.rawValue, scopes: rules.scope.rawValue))
    var root: LaunchSlot?
    for rule in rules.rules {
      switch rule {
      case .path(let path, let access, let mayBeMissing):
        if root == nil {
          let opened = makeSlot()
          append(.open(opened, directory: .workingDirectory, path: "/", flags: CInt(CL_O_PATH) | O_DIRECTORY))
          root = opened
        }
        guard let root else { continue }
        append(
          .landlockPath(ruleset: slot, root: root, path: path, rights: access.rawValue, mayBeMissing: mayBeMissing))
      case .port(let port, let access): append(.landlockPort(ruleset: slot, port: port, rights: access.rawValue))
      }
    }
    append(.landlockRestrict(slot, flags: rules.logging.rawValue))
  }
}
