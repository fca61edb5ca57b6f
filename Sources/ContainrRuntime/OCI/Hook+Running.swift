import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrOCI
import Glibc
import SystemPackage

extension OCI.RuntimeSpec.Hook {
  /// The hook as a step of a plan, run by the container's process in its own namespaces. There the process learns its id.
  func operation(_ state: OCI.State) throws(ContainrError) -> LaunchOperation {
    // An id that no process has, as the kernel's largest is 2²², holds the place of the one that is not known yet.
    var state = state
    state.pid = Self.placeholder
    var input = Array(try state.json.text().utf8)
    let digits = Array(String(Self.placeholder).utf8)
    if let start = input.indices.first(where: { input[$0...].starts(with: digits) }) {
      input.replaceSubrange(start..<(start + digits.count), with: [0])
    }
    return .hook(
      path: path, arguments: arguments, environment: env ?? [], input: input, timeout: UInt32(clamping: timeout ?? 0))
  }

  /// Runs the hook in the caller's namespaces and waits for its end.
  ///
  /// It gets the environment of its configuration and nothing of the caller's (CVE-2025-23266), the state as its input, and
  /// standard output and error of the caller.
  ///
  /// - Throws: `HOOK`, `TIMEOUT`.
  func run(_ state: OCI.State) throws(ContainrError) {
    let activity = "running the hook \(path)"
    let input = OwnedDescriptor(
      owning: try check(cl_memfd_create("state", 1), .hook, "memfd_create(2)", activity))
    try FileContents.write(try state.json.serialized(), to: input, activity)
    lseek(input.rawValue, 0, SEEK_SET)
    var plan = LaunchPlan()
    plan.append(.standardStreams(plan.inherit(input.rawValue), nil, nil))
    plan.append(.signals())
    plan.append(.closeFrom(3, onExec: true))
    plan.append(.execute(paths: [path], arguments: arguments, environment: env ?? [], throughAnyLink: true))
    let process: ProcessDescriptor
    do throws(ContainrError) {
      process = try plan.spawn().takeProcess()
    } catch {
      throw ContainrError(.hook, activity, systemCall: error.systemCall, cause: error)
    }
    let isInTime = try Self.waits(for: process, seconds: timeout, activity)
    if !isInTime { try process.send(.kill) }
    let status = try process.reap()
    guard isInTime else {
      throw ContainrError(.timeout, activity, hint: "it was killed after its limit of \(timeout ?? 0) s")
    }
    guard status.isSuccess else { throw ContainrError(.hook, activity, hint: "it ended with \(status)") }
  }

  /// False where the process still runs when its time is over.
  private static func waits(
    for process: borrowing ProcessDescriptor, seconds: Int?, _ activity: String
  ) throws(ContainrError) -> Bool {
    let deadline = seconds.map { ContinuousClock.now + .seconds($0) }
    while true {
      var milliseconds: Int32 = -1
      if let deadline {
        let left = (deadline - ContinuousClock.now).components
        milliseconds = Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
      }
      var entry = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
      let result = poll(&entry, 1, milliseconds)
      if result < 0, Errno.current != .interrupted { throw .errno(.current, .hook, activity, call: "poll(2)") }
      if result > 0 { return true }
      if result == 0, milliseconds == 0 { return false }
    }
  }

  private var arguments: [String] { args.flatMap { $0.isEmpty ? nil : $0 } ?? [path] }

  private static let placeholder: Int32 = 2_147_483_640
}
