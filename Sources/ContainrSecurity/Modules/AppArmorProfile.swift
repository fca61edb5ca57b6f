import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// The text of an AppArmor profile (`apparmor.d(5)`), under its name.
public struct AppArmorProfile: Hashable, Sendable {
  /// The name, as the kernel lists it.
  public var name: String
  /// The text, with `profile <name> { … }`.
  public var text: String

  /// Takes a profile as it is.
  public init(name: String, text: String) {
    self.name = name
    self.text = text
  }

  /// What a container is under unless told otherwise: `containr-default`.
  ///
  /// Files, network and capabilities are left to the other walls. What the profile adds holds for root and with every
  /// capability too: no mounts and no change of root, no writes to the kernel's settings in /proc and /sys save to cgroups, no
  /// reading of firmware, securityfs and power use, no tracing and no signals beyond processes under the same profile.
  public static let containerDefault = AppArmorProfile(
    name: "containr-default",
    text: """
      profile containr-default flags=(attach_disconnected,mediate_deleted) {
        # Left to capabilities, namespaces, modes and cgroups.
        file,
        network,
        capability,

        # Whoever may signal a process from outside has other walls to pass; from inside only its own kind is in reach.
        signal receive,
        signal send peer=containr-default,
        ptrace (trace, read, tracedby, readby) peer=containr-default,

        deny mount,
        deny remount,
        deny umount,
        deny pivot_root,

        # Settings of the whole machine. Processes have their own directories below /proc, which stay as they are.
        deny /proc/* wl,
        deny /proc/{acpi,asound,bus,driver,dynamic_debug,fs,irq,scsi,sys,tty}/** wl,
        deny /proc/{kmem,mem,sysrq-trigger} rwl,
        deny /sys/{block,bus,class,dev,devices,hypervisor,kernel,module,power}/** wl,
        deny /sys/fs/[^c]** wl,
        deny /sys/firmware/** rwlmkx,
        deny /sys/kernel/{security,debug,tracing}/** rwlmkx,
        deny /sys/devices/virtual/powercap/** rwlmkx,
      }

      """)

  /// The binary form that the kernel loads, made by `apparmor_parser` with an empty environment.
  ///
  /// - Throws: `UNSUPPORTED` where that program is not installed, `SECURITY_MODULE` for a text it refuses.
  public func compiled() throws(ContainrError) -> [UInt8] {
    let activity = "compiling the AppArmor profile \(name)"
    let input = try Self.memory(activity)
    try FileContents.write(text.utf8, to: input, activity)
    guard lseek(input.rawValue, 0, SEEK_SET) == 0 else { throw .errno(.current, .ioFailure, activity, call: "lseek(2)") }
    let output = try Self.memory(activity)
    let messages = try Self.memory(activity)
    var plan = LaunchPlan()
    let streams = (plan.inherit(input.rawValue), plan.inherit(output.rawValue), plan.inherit(messages.rawValue))
    plan.append(.standardStreams(streams.0, streams.1, streams.2))
    plan.append(.signals())
    plan.append(.closeFrom(3, onExec: true))
    plan.append(
      .execute(
        paths: ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser"],
        arguments: ["apparmor_parser", "--stdout", "--skip-cache", "--quiet"], environment: ["PATH=/usr/sbin:/usr/bin"]))
    let status: TerminationStatus
    do throws(ContainrError) {
      status = try plan.spawn().takeProcess().reap()
    } catch {
      guard error.code == .commandNotFound else { throw error }
      throw ContainrError(
        .unsupported, activity, hint: "apparmor_parser is not installed: apt-get install apparmor", cause: error)
    }
    for file in [output.rawValue, messages.rawValue] {
      guard lseek(file, 0, SEEK_SET) == 0 else { throw .errno(.current, .ioFailure, activity, call: "lseek(2)") }
    }
    let bytes = try FileContents.read(output, activity)
    guard status.isSuccess, !bytes.isEmpty else {
      let said = String(decoding: try FileContents.read(messages, activity), as: UTF8.self)
      throw ContainrError(.securityModule, activity, hint: "apparmor_parser says: \(said.prefix(400))")
    }
    return bytes
  }

  private static func memory(_ activity: String) throws(ContainrError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try check(cl_memfd_create("containr-apparmor", 1), .ioFailure, "memfd_create(2)", activity))
  }
}
