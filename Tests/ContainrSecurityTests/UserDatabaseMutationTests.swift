import ContainrCore
import ContainrSecurity
import Testing

/// The files of an image are hostile text: whatever they hold, the reader ends, and no id comes out that no line has.
@Suite struct UserDatabaseMutationTests {
  private static let passwd = Array("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n".utf8)
  private static let group = Array("root:x:0:\nstaff:x:50:alice,root\nalice:x:1000:\n".utf8)
  /// What matters to the grammar, and what only looks as if it did.
  private static let pieces: [[UInt8]] = [
    [0], [UInt8(ascii: ":")], [UInt8(ascii: "\n")], [UInt8(ascii: ",")], [13], [0xff], [0xcc, 0x81], Array("-1".utf8),
    Array("0x0".utf8), Array("4294967296".utf8), Array("2147483648".utf8), Array(" ".utf8), Array("+".utf8), Array("٣".utf8),
    Array("alice".utf8), Array("::::::".utf8), Array("\r\n".utf8),
  ]

  private func mutated(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0 where place < bytes.count: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      case 1 where place < bytes.count:
        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &random)))
      case 2:
        let end = min(bytes.count, place + Int.random(in: 0...20, using: &random))
        bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
      default: bytes.insert(contentsOf: Self.pieces.randomElement(using: &random) ?? [], at: place)
      }
    }
    return bytes
  }

  /// The decimal numbers that stand between separators of a text, written as a number is.
  private func numbers(_ bytes: [UInt8]) -> Set<UInt32> {
    Set(
      bytes.split { [UInt8(ascii: ":"), UInt8(ascii: "\n")].contains($0) }.compactMap { field in
        let text = String(decoding: field, as: UTF8.self)
        guard let number = UInt32(text), String(number) == text, number <= UInt32(Int32.max) else { return nil }
        return number
      })
  }

  @Test func noMutationGivesAnIdThatNoLineHas() throws {
    var random = SplitMix(state: 0x5eed)
    var found = 0
    var refused = 0
    for _ in 0..<20_000 {
      let passwd = mutated(Self.passwd, &random)
      let group = mutated(Self.group, &random)
      do {
        let identity = try UserDatabase(passwd: passwd, group: group)
          .identity(of: UserSpecification(user: .name("alice"), group: nil), additional: [])
        found += 1
        let known = numbers(passwd)
        #expect(known.contains(identity.uid) && known.contains(identity.gid))
        #expect(Set(identity.supplementaryGroups.dropFirst()).isSubset(of: numbers(group)))
        // A line must say so itself for alice to become root.
        if identity.uid == 0 { #expect(known.contains(0)) }
        #expect(identity.home.hasPrefix("/"))
      } catch {
        refused += 1
        #expect(error.code == .user)
      }
    }
    #expect(found > 1000 && refused > 1000)
  }
}

/// A random number generator with a seed, so that a failure comes again.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
