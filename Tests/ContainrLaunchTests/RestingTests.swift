import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import Testing

@Suite struct RestingTests {
  /// A container that waits for its start must not keep another one's output from ending.
  @Test func aProcessAtABarrierHoldsOnlyWhatItWasGiven() throws {
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    var given = try OwnedDescriptor.pipe()
    let givenReader = given.takeFirst()
    var plan = LaunchPlan()
    let slot = plan.inherit(owning: given.takeSecond())
    plan.append(.barrier(.start, socket: plan.makeParentSocket()))
    plan.append(.write(slot, text: "given", activity: "writing"))
    plan.append(.closeFrom(3, onExec: true))
    plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
    let session = try LaunchSession(plan)
    #expect(try session.next() == .start)
    close(writer.release())
    var entry = pollfd(fd: reader.rawValue, events: Int16(POLLIN), revents: 0)
    // A process that another test starts just now holds a copy, too, for a moment.
    #expect(poll(&entry, 1, 5000) == 1)
    #expect(Int32(entry.revents) & POLLHUP != 0)
    try session.pass()
    let process = try session.finish().takeProcess()
    var bytes = [UInt8](repeating: 0, count: 5)
    #expect(read(givenReader.rawValue, &bytes, 5) == 5)
    #expect(try process.reap() == .exited(0))
  }
}
