import CContainrInit
import ContainrLaunch
import Testing

/// The reader of plans refuses what no builder writes. The child trusts what it lets through, so nothing may get past.
@Suite struct PlanMutationTests {
  /// A plan with every form of argument: slots, texts, lists, options, bytes.
  private func plan() throws -> [UInt64] {
    var plan = LaunchPlan()
    let root = plan.makeSlot()
    let file = plan.inherit(0)
    plan.append(.mount(root, type: "tmpfs", options: [MountOption("mode", "755"), MountOption("noswap")]))
    plan.append(.attach(root, root: file, path: "/a/b"))
    plan.append(.write(file, text: "text", activity: "writing"))
    plan.append(.groups([1, 2, 3]))
    plan.append(.seccomp(filter: [UInt8](repeating: 6, count: 16)))
    plan.append(.barrier(.start, socket: plan.makeParentSocket()))
    plan.append(.execute(paths: ["/bin/true", "/usr/bin/true"], arguments: ["true", "x"], environment: ["A=b"]))
    return try plan.encoded()
  }

  private func check(_ bytes: [UInt64], size: Int? = nil) -> (result: CInt, operation: CInt) {
    var operation: CInt = 0
    // A copy of exactly the size: a reader that goes past it meets memory that a sanitizer watches.
    let size = size ?? bytes.count * 8
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 8)
    defer { copy.deallocate() }
    bytes.withUnsafeBytes { copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<min(size, $0.count)])) }
    return (ci_check(copy.baseAddress, size, &operation), operation)
  }

  private func edited(_ bytes: [UInt64], at offset: Int, as value: UInt32) -> [UInt64] {
    var bytes = bytes
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
    return bytes
  }

  private let header = MemoryLayout<ci_plan>.size
  private let stride = MemoryLayout<ci_operation>.stride

  @Test func acceptsWhatTheBuilderWrites() throws {
    #expect(check(try plan()).result == 0)
  }

  @Test func refusesAnyOtherNumberInTheHeader() throws {
    let bytes = try plan()
    for field in 0..<header / 4 {
      let old = bytes.withUnsafeBytes { $0.load(fromByteOffset: field * 4, as: UInt32.self) }
      for bit in 0..<32 {
        #expect(check(edited(bytes, at: field * 4, as: old ^ 1 << UInt32(bit))).result < 0, "field \(field), bit \(bit)")
      }
    }
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = try plan()
    for size in 0..<bytes.count * 8 { #expect(check(bytes, size: size).result < 0) }
    var longer = bytes
    longer.append(0)
    #expect(check(longer).result < 0)
  }

  @Test func refusesUnknownOperationsAndFlags() throws {
    let bytes = try plan()
    for index in 0..<7 {
      for code in [0, UInt32(CI_CODE_END.rawValue), 1 << 31, .max] {
        let (result, operation) = check(edited(bytes, at: header + index * stride, as: code))
        #expect(result < 0 && operation == index)
      }
      #expect(check(edited(bytes, at: header + index * stride + 4, as: 1 << 20)).result < 0)
    }
  }

  /// Every argument of every operation, set to what lies outside of the plan.
  @Test func cve_2021_43784_refusesOffsetsCountsAndSlotsOutOfBounds() throws {
    let bytes = try plan()
    let size = UInt64(bytes.count * 8)
    // Attributes of a mount are the only free number in this plan: operation 0, argument 5.
    for index in 0..<7 {
      for argument in 0..<6 where (index, argument) != (0, 5) {
        for value in [size, size + 1, 1 << 32, UInt64(Int64.max), .max] {
          var broken = bytes
          broken[(header + index * stride + 8) / 8 + argument] = value
          let (result, operation) = check(broken)
          #expect(result < 0, "operation \(index), argument \(argument), value \(value)")
          #expect(operation == index)
        }
      }
    }
  }

  @Test func refusesTextThatLeavesThePlan() throws {
    var bytes = try plan()
    // The last byte ends every text.
    bytes[bytes.count - 1] |= 0xff << 56
    #expect(check(bytes).result < 0)
  }

  @Test func refusesAPlanThatDoesNotEndInAProgram() throws {
    let bytes = try plan()
    #expect(check(edited(bytes, at: header + 6 * stride, as: UInt32(CI_NEW_SESSION.rawValue))).result < 0)
    #expect(check(edited(bytes, at: header, as: UInt32(CI_EXECUTE.rawValue))).result < 0)
  }

  /// Flips every bit of the plan: nothing crashes, and whatever is accepted is as long as before.
  @Test func survivesEveryFlippedBit() throws {
    let bytes = try plan()
    var accepted = 0
    for word in bytes.indices {
      for bit in 0..<64 {
        var flipped = bytes
        flipped[word] ^= 1 << UInt64(bit)
        if check(flipped).result == 0 { accepted += 1 }
      }
    }
    // Text and free numbers may change, the structure may not.
    #expect(accepted > 0 && accepted < bytes.count * 64 / 2)
  }
}
