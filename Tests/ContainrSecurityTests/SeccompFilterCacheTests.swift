import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrSecurity

@Suite struct SeccompFilterCacheTests {
  @Test func secondStartCompilesNothing() async throws {
    try await withTemporaryDirectory { directory in
      let first = SeccompFilterCache(directory: directory.appending("filters"))
      let filter = try first.filter(for: .containerDefault)
      #expect(try first.filter(for: .containerDefault) == filter)
      #expect(first.compilations == 1 && first.lastFailure == nil)
      // Another process sees the same directory with an empty memory.
      let second = SeccompFilterCache(directory: directory.appending("filters"))
      #expect(try second.filter(for: .containerDefault) == filter)
      #expect(second.compilations == 0)
      #expect(try SeccompFilter(compiling: .containerDefault()) == filter)
    }
  }

  @Test func capabilitiesThatOpenNothingShareAFilter() async throws {
    try await withTemporaryDirectory { directory in
      let cache = SeccompFilterCache(directory: directory)
      let one = try cache.filter(for: .containerDefault, capabilities: .dockerDefault)
      #expect(try cache.filter(for: .containerDefault, capabilities: .dockerDefault.subtracting([.kill])) == one)
      #expect(cache.compilations == 1)
      #expect(try cache.filter(for: .containerDefault, capabilities: [.sysAdmin]) != one)
      #expect(cache.compilations == 2)
    }
  }

  @Test func profilesAreToldApartByContent() async throws {
    try await withTemporaryDirectory { directory in
      let cache = SeccompFilterCache(directory: directory)
      let one = SeccompProfile(defaultAction: .allow, rules: [SeccompRule(.errno(1), ["mkdir"])])
      let two = SeccompProfile(defaultAction: .allow, rules: [SeccompRule(.errno(2), ["mkdir"])])
      let first = try cache.filter(for: .profile(one))
      let second = try cache.filter(for: .profile(two))
      #expect(first != second)
      let compiled = try SeccompFilter(compiling: one)
      #expect(first == compiled)
    }
  }

  @Test func unconfinedHasNoFilter() async throws {
    try await withTemporaryDirectory { directory in
      let cache = SeccompFilterCache(directory: directory)
      let filter = try cache.filter(for: .unconfined)
      let names = try FileTree.names(in: directory)
      #expect(filter == nil && names.isEmpty)
    }
  }

  enum Damage: CaseIterable {
    case empty, torn, tornInside, longer, flipped, header, allowAll, othersFilter, writable, link
  }

  @Test(arguments: Damage.allCases) func damagedFileIsCompiledAnew(damage: Damage) async throws {
    try await withTemporaryDirectory { directory in
      let whole = try #require(try SeccompFilterCache(directory: directory).filter(for: .containerDefault))
      let name = try #require(try FileTree.names(in: directory).first)
      let path = directory.appending(name)
      var bytes = try FileContents.read(path)
      switch damage {
      case .empty: bytes = []
      case .torn: bytes.removeLast(8)
      case .tornInside: bytes.removeLast(bytes.count / 2 - 3)
      case .longer: bytes += [UInt8](repeating: 0, count: 8)
      case .flipped: bytes[bytes.count - 20] ^= 1
      case .header: bytes[0] ^= 1
      case .allowAll: bytes.replaceSubrange(72..., with: [6, 0, 0, 0, 0, 0, 0xff, 0x7f])
      case .othersFilter:
        let other = directory.appending("other")
        let weak = SeccompProfile(defaultAction: .allow)
        _ = try SeccompFilterCache(directory: other).filter(for: .profile(weak))
        bytes = try FileContents.read(other.appending(try #require(try FileTree.names(in: other).first)))
        try FileTree.remove(other)
      case .writable, .link: break
      }
      try FileContents.replace(path, with: bytes, durable: false)
      if damage == .writable { #expect(chmod(path.string, 0o666) == 0) }
      if damage == .link {
        #expect(rename(path.string, path.string + ".real") == 0)
        #expect(symlink(path.string + ".real", path.string) == 0)
      }

      let cache = SeccompFilterCache(directory: directory)
      #expect(try cache.filter(for: .containerDefault) == whole)
      #expect(cache.compilations == 1)
      let next = SeccompFilterCache(directory: directory)
      #expect(try next.filter(for: .containerDefault) == whole)
      #expect(next.compilations == 0, "the damaged file was not replaced")
    }
  }

  @Test func directoryThatCannotBeWrittenCostsTimeOnly() throws {
    let cache = SeccompFilterCache(directory: "/proc/self/containr-no-such-directory")
    #expect(try cache.filter(for: .containerDefault) != nil)
    #expect(cache.lastFailure != nil)
  }

  @Test func filesAreTheOwnersOnly() async throws {
    try await withTemporaryDirectory { directory in
      let filters = directory.appending("filters")
      _ = try SeccompFilterCache(directory: filters).filter(for: .containerDefault)
      var status = stat()
      #expect(stat(filters.string, &status) == 0 && status.st_mode & 0o777 == 0o700)
      let names = try FileTree.names(in: filters)
      #expect(names.count == 1 && names[0].utf8.count == 64)
      #expect(stat(filters.appending(names[0]).string, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func keyOfTheDefaultProfileNeedsNoProfile() {
    let clock = ContinuousClock()
    let rounds = 1000
    let time = clock.measure {
      for _ in 0..<rounds {
        let content = SeccompFilterCache.content(of: .containerDefault, capabilities: .dockerDefault)
        _ = Digest(of: content!.utf8)
      }
    }
    // 30 µs in release; a debug build on a busy machine gets ten times that. Building the profile would cost more.
    #expect(time / rounds < .microseconds(300))
  }
}
