import ContainrCore
import ContainrTestSupport
import FuzzedDocuments
import SystemPackage
import Testing

/// Documents of strangers, and what is left of them after mutations: a file that once crashed a reader is a seed from then on.
struct FuzzSeedTests {
  @Test(.requires(.root), arguments: FuzzedDocument.allCases)
  func everySeedIsReadOrRefusedAndSoAreItsMutations(document: FuzzedDocument) throws {
    let directory = Repository.root.appending("Tests/Fuzzers/seeds/\(document.rawValue)")
    var seeds: [[UInt8]] = []
    for name in try FileTree.names(in: directory).sorted() { seeds.append(try FileContents.read(directory.appending(name))) }
    try #require(seeds.count >= 2)
    var accepted = 0
    for seed in seeds where try document.read(seed) { accepted += 1 }
    #expect(accepted > 0, "every seed is refused: the readers behind are not reached")
    var random = SplitMix(state: 1)
    for round in 0..<(document == .tar ? 200 : 2000) {
      var bytes = seeds[round % seeds.count]
      for _ in 0...Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: bytes[place] = .random(in: .min ... .max, using: &random)
        case 1: bytes[place] ^= 1 << Int.random(in: 0..<8, using: &random)
        case 2: bytes.removeSubrange(place..<min(place + Int.random(in: 1...16, using: &random), bytes.count))
        default: bytes.insert(contentsOf: bytes[place...].prefix(Int.random(in: 1...16, using: &random)), at: place)
        }
      }
      try document.read(bytes)
    }
  }
}

/// Random numbers that are the same in each run (SplitMix64).
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
