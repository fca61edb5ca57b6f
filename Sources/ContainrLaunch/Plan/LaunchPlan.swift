import ContainrCore

/// What a new process does between `clone3(2)` and `execve(2)`: a value that libraries append to and that is then executed.
///
/// Every decision is in it; the child only makes the system calls. Printing a plan lists them:
///
/// ```
///  1  make every mount private                             mount_setattr(2)
///  2  new overlay, lowerdir+=…, volatile                   fsopen(2), fsconfig(2), fsmount(2)
/// ```
///
/// A plan holds numbers of the parent's descriptors, so it is good as long as those are open.
public struct LaunchPlan: Sendable {
  /// The operations, in the order of execution.
  public private(set) var operations: [LaunchOperation] = []
  /// The namespaces that `clone3(2)` makes, as CLONE_NEW* bits (namespaces(7)).
  public var namespaceFlags: UInt64 = 0
  /// A directory of a cgroup v2 that the process is born in (`CLONE_INTO_CGROUP`, Linux 5.7). The caller keeps it open.
  public var cgroupDescriptor: CInt?

  /// Whether the process gets a copy of the caller's memory instead of sharing it until it executes.
  ///
  /// A copy costs time in proportion to the caller's memory, 17 ms for 1 GB, where sharing takes 0.05 ms. Only joining a time
  /// namespace needs it: the kernel lets no process in that shares its memory (`kernel/time/namespace.c`).
  public var copiesMemory = false

  /// Whether the process outlives the program that made it: it waits for its start (``LaunchOperation/awaitStart(_:first:)``),
  /// and ``LaunchSession/leave()`` lets go of it. It gets a copy of the caller's memory.
  public var isDetached = false { didSet { if isDetached { copiesMemory = true } } }

  var inherited: [CInt] = []
  /// Descriptors that live as long as the plan.
  private var owned: [DescriptorHolder] = []
  private(set) var parentSocket: LaunchSlot?
  private var slotCount = 0

  /// Makes an empty plan.
  public init() { operations.reserveCapacity(96) }

  /// Adds an operation at the end.
  public mutating func append(_ operation: LaunchOperation) { operations.append(operation) }

  /// A slot for a descriptor that an operation makes.
  public mutating func makeSlot() -> LaunchSlot {
    defer { slotCount += 1 }
    return LaunchSlot(index: slotCount)
  }

  /// A slot that holds one of the caller's descriptors, which must stay open until the plan has run.
  public mutating func inherit(_ descriptor: CInt) -> LaunchSlot {
    while inherited.count < slotCount { inherited.append(-1) }
    inherited.append(descriptor)
    return makeSlot()
  }

  /// A slot that holds a descriptor which the plan owns from now on: it is closed with the plan's last copy.
  public mutating func inherit(owning descriptor: consuming OwnedDescriptor) -> LaunchSlot {
    let holder = DescriptorHolder(descriptor)
    owned.append(holder)
    return inherit(holder.descriptor.rawValue)
  }

  /// The slot of a socket to the parent, for barriers and for descriptors that the process sends.
  public mutating func makeParentSocket() -> LaunchSlot {
    if let parentSocket { return parentSocket }
    let slot = makeSlot()
    parentSocket = slot
    return slot
  }

  /// Whether the process waits for its parent somewhere, so that the parent must serve it.
  public var hasBarriers: Bool {
    operations.contains { if case .barrier = $0 { true } else { false } }
  }

  /// Whether the parent has something to do before the process runs its program: pass barriers, or answer the system calls of
  /// one that has a seccomp listener.
  var needsServing: Bool {
    operations.contains {
      switch $0 {
      case .barrier, .seccomp(_, _, .some): true
      default: false
      }
    }
  }

  mutating func setSlot(_ slot: LaunchSlot, to descriptor: CInt) {
    while inherited.count <= slot.index { inherited.append(-1) }
    inherited[slot.index] = descriptor
  }
}

/// A descriptor that copies of a plan share.
private final class DescriptorHolder: Sendable {
  let descriptor: OwnedDescriptor
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

extension LaunchPlan: CustomStringConvertible {
  /// One line an operation: number, what is done, manual pages.
  public var description: String { describe(durations: nil) }

  /// The same list, with the time that each operation took.
  ///
  /// - Parameter durations: one for each operation, in order, from ``LaunchTrace``.
  public func describe(durations: [Duration]?) -> String {
    var lines: [String] = []
    if namespaceFlags != 0 {
      lines.append(line(0, "clone a process into new namespaces", "clone3(2), namespaces(7)", nil))
    }
    for (index, operation) in operations.enumerated() {
      lines.append(line(index + 1, operation.summary, operation.manual, durations?[index]))
    }
    return lines.joined(separator: "\n")
  }

  private func line(_ number: Int, _ summary: String, _ manual: String, _ duration: Duration?) -> String {
    let position = String(number)
    var text = String(repeating: " ", count: max(0, 3 - position.count)) + position
    if let duration {
      let tenths = duration.components.attoseconds / 100_000_000_000
      let micros = "\(tenths / 10).\(tenths % 10) µs"
      text += "  " + String(repeating: " ", count: max(0, 10 - micros.count)) + micros
    }
    text += "  " + summary
    return text + String(repeating: " ", count: max(2, 84 - text.count)) + manual
  }
}

extension LaunchPlan {
  /// Puts an operation that fails with EBADF in the place of one, for tests of what a failed start leaves behind.
  package mutating func fail(at index: Int) {
    operations[index] = .close(makeSlot())
  }
}
