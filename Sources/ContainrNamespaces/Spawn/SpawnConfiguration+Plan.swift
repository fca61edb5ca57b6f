import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

extension SpawnConfiguration {
  /// What the process does between `clone3(2)` and `execve(2)`. Its text lists every step with the manual pages.
  ///
  /// - Throws: `INVALID_ARGUMENT` for no command, `INVALID_CONFIGURATION` for a host name without a new UTS namespace, and what
  ///   ``LaunchPlan/enter(_:)`` throws.
  public func launchPlan() throws(ContainrError) -> LaunchPlan {
    guard let command = arguments.first, !command.isEmpty else {
      throw ContainrError(.invalidArgument, "spawning a process", hint: "arguments begin with the command")
    }
    guard hostname == nil && domainName == nil || namespaces.uts == .new else {
      throw ContainrError(
        .invalidConfiguration, "spawning a process",
        hint: "a host or domain name needs a new uts namespace: the host keeps its own")
    }
    var plan = LaunchPlan()
    try plan.enter(namespaces)
    plan.enterCgroupNamespace(namespaces)
    if namespaces.mnt == .new {
      // First of all: what is mounted from here on must not travel to the host.
      plan.append(.propagation(.private))
      if namespaces.pid == .new, mountsProc {
        let proc = plan.makeSlot()
        plan.append(.mount(proc, type: "proc", attributes: [.noSuid, .noDev, .noExec]))
        plan.append(.attachOnHost(proc, path: "/proc"))
        plan.append(.close(proc))
      }
    }
    if let hostname { plan.append(.hostname(hostname)) }
    if let domainName { plan.append(.domainName(domainName)) }
    if let workingDirectory { plan.append(.workingDirectory(workingDirectory.string, anywhere: true)) }
    let streams = (
      try slot(for: standardInput, flags: O_RDONLY, in: &plan), try slot(for: standardOutput, flags: O_WRONLY, in: &plan),
      try slot(for: standardError, flags: O_WRONLY, in: &plan)
    )
    plan.append(.standardStreams(streams.0, streams.1, streams.2))
    plan.append(.signals())
    plan.append(.closeFrom(3, onExec: true))
    plan.append(
      .execute(
        paths: SearchPath(environment: environment).places(of: command), arguments: arguments, environment: environment))
    return plan
  }

  private func slot(
    for stream: StandardStream, flags: CInt, in plan: inout LaunchPlan
  ) throws(ContainrError) -> LaunchSlot? {
    switch stream {
    case .inherit: nil
    case .null: plan.inherit(owning: try OwnedDescriptor.open("/dev/null", flags: flags))
    case .descriptor(let descriptor): plan.inherit(descriptor)
    }
  }
}
