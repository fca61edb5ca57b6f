import CContainrLinux
import ContainrCore
import Glibc

extension Requirement {
  /// AppArmor, built in and enabled at boot.
  public static let apparmor = Requirement("AppArmor") {
    text("/sys/module/apparmor/parameters/enabled")?.hasPrefix("Y") == true
  }

  /// SELinux, built in and enabled at boot. A policy need not be loaded.
  public static let selinux = Requirement("SELinux") {
    // The kernel registers its file system only where it is enabled (security/selinux/selinuxfs.c).
    text("/proc/filesystems")?.split(separator: "\n").contains { $0.hasSuffix("\tselinuxfs") } == true
  }

  /// Landlock with at least this version of its interface (landlock_create_ruleset(2)).
  public static func landlock(abi: Int = 1) -> Requirement {
    Requirement("Landlock ABI \(abi)") { cl_landlock_abi() >= abi }
  }

  /// A file system that the kernel has, or can load as a module.
  public static func fileSystem(_ type: String) -> Requirement {
    Requirement("the file system \(type)") {
      // The kernel loads the module when a context is asked for.
      let context = cl_fsopen(type)
      if context >= 0 { close(context) }
      return context >= 0
    }
  }

  /// ext4 with project quotas, on a loop device: an image with them is made and mounted for writing.
  public static let projectQuota = Requirement("project quotas on ext4") { projectQuotaWorks }

  private static let projectQuotaWorks: Bool = {
    // A kernel without quotas refuses to mount such a file system for writing. The mount namespace ends with the shell.
    geteuid() == 0
      && succeeds(
        """
        image=$(mktemp) && trap 'rm -f "$image"' EXIT && truncate -s 16M "$image" &&
        mkfs.ext4 -q -O project,quota -E quotatype=prjquota "$image" && mount -o loop,prjquota "$image" /mnt
        """)
  }()

  /// Whether a shell script in a mount namespace of its own ends with status 0.
  private static func succeeds(_ script: String) -> Bool {
    let words = ["unshare", "--mount", "/bin/sh", "-c", script]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    arguments.append(nil)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in CInt(0)...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
    var pid: pid_t = 0
    guard posix_spawnp(&pid, "unshare", &actions, nil, arguments, environ) == 0 else { return false }
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return false }
    }
    return cl_w_ifexited(status) != 0 && cl_w_exitstatus(status) == 0
  }
}
