import ContainrCore
import ContainrLaunch
import Glibc

/// Runs a plan whose program writes to a pipe, and gives what it wrote with its status.
public func run(
  _ build: (inout LaunchPlan) throws -> Void, paths: [String], arguments: [String]
) async throws -> (String, TerminationStatus) {
  var plan = LaunchPlan()
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let writer = pipe.takeSecond()
  let output = plan.inherit(writer.rawValue)
  try build(&plan)
  plan.append(.standardStreams(nil, output, output))
  plan.append(.signals())
  plan.append(.closeFrom(3, onExec: true))
  plan.append(.execute(paths: paths, arguments: arguments, environment: ["PATH=/bin"]))
  let result = try plan.spawn()
  close(writer.release())
  let text = try FileContents.read(reader, "reading the output")
  return (String(decoding: text, as: UTF8.self), try await result.takeProcess().wait())
}
