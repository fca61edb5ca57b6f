import ContainrCore
import ContainrNamespaces
import ContainrTestSupport
import SystemPackage
import Testing

@Suite struct NamespaceValueTests {
  /// The numbers of linux/sched.h, written out.
  @Test(arguments: [
    (NamespaceKind.time, NamespaceSet.time, 0x80 as UInt64), (.mnt, .mnt, 0x2_0000), (.cgroup, .cgroup, 0x200_0000),
    (.uts, .uts, 0x400_0000), (.ipc, .ipc, 0x800_0000), (.user, .user, 0x1000_0000), (.pid, .pid, 0x2000_0000),
    (.net, .net, 0x4000_0000),
  ]) func mapsEachKindToItsCloneFlag(kind: NamespaceKind, set: NamespaceSet, bits: UInt64) {
    #expect(kind.cloneFlag == bits)
    #expect(set.rawValue == bits)
    #expect(NamespaceSet(kind) == set)
    #expect(set.kinds == [kind])
  }

  @Test func unitesFlags() {
    #expect(([.uts, .ipc, .pid, .mnt, .net, .user] as NamespaceSet).rawValue == 0x7c02_0000)
    #expect(NamespaceSet.all.kinds == NamespaceKind.allCases)
    #expect("\([.pid, .mnt] as NamespaceSet)" == "mnt pid")
  }

  @Test func translatesTheNamesOfTheSpecification() {
    #expect(NamespaceKind(specificationName: "network") == .net)
    #expect(NamespaceKind(specificationName: "mount") == .mnt)
    #expect(NamespaceKind(specificationName: "net") == nil)
  }

  @Test func sortsSourcesIntoCreatedAndJoined() {
    let namespaces = Namespaces {
      $0.create([.pid, .uts])
      $0.net = .path("/run/netns/blue")
    }
    #expect(namespaces.created == [.pid, .uts])
    #expect(namespaces.joined == .net)
  }

  @Test func writesNegativeOffsetsWithPositiveNanoseconds() {
    let offsets = TimeOffsets(monotonic: .milliseconds(-250), boottime: .seconds(7))
    #expect(offsets.text == "monotonic -1 750000000\nboottime 7 0\n")
  }

  // MARK: Id maps

  @Test(arguments: [
    [], [IDMapping(containerID: 0, hostID: 1, count: 0)], [IDMapping(containerID: 0, hostID: 4_294_967_290, count: 6)],
    [IDMapping(containerID: 4_294_967_295, hostID: 0, count: 1)],
    [IDMapping(containerID: 0, hostID: 100, count: 10), IDMapping(containerID: 9, hostID: 200, count: 1)],
    [IDMapping(containerID: 0, hostID: 100, count: 10), IDMapping(containerID: 50, hostID: 109, count: 1)],
    (0..<341).map { IDMapping(containerID: $0, hostID: $0, count: 1) },
  ]) func refusesMapsThatTheKernelRefuses(mappings: [IDMapping]) {
    let error = #expect(throws: ContainrError.self) { _ = try IDMap(mappings) }
    #expect(error?.code == .idMapping)
  }

  @Test func translatesIdsBothWays() throws {
    let map = try IDMap([
      IDMapping(containerID: 0, hostID: 1000, count: 1), IDMapping(containerID: 1, hostID: 100_000, count: 65_535),
    ])
    #expect(map.hostID(of: 0) == 1000)
    #expect(map.hostID(of: 33) == 100_032)
    #expect(map.hostID(of: 65_536) == nil)
    #expect(map.containerID(of: 100_000) == 1)
    #expect(map.containerID(of: 0) == nil)
    #expect(map.text == "0 1000 1\n1 100000 65535\n")
    #expect(try IDMap(containerID: 0, hostID: 4_294_967_290, count: 5).hostID(of: 4) == 4_294_967_294)
  }

  @Test func findsSubordinateIdsByNameAndById() throws {
    let file = try SubordinateIDs(parsing: "# granted\nanna:100000:65536\n\n1000:300000:10\nbert:200000:5\n")
    #expect(file.ranges(name: "anna", uid: 1000) == [100_000..<165_536, 300_000..<300_010])
    #expect(file.ranges(name: nil, uid: 1) == [])
  }

  @Test(arguments: [
    "anna:100000", "anna:100000:65536:1", ":1:1", "anna:-1:5", "anna:+1:5", "anna: 1:5", "anna:1:0", "anna:4294967295:1",
    "anna:1:4294967295", "anna:1:x", "anna:18446744073709551615:2",
  ]) func refusesMalformedGrants(line: String) {
    let error = #expect(throws: ContainrError.self) { _ = try SubordinateIDs(parsing: "ok:1:1\n\(line)\n") }
    #expect(error?.code == .idMapping)
    #expect(error?.activity.contains("line 2") == true)
  }

  // MARK: Configurations that contradict themselves

  @Test(arguments: [
    SpawnConfiguration { $0.hostname = "host" },
    SpawnConfiguration { $0.namespaces.user = .new },
    SpawnConfiguration { $0.namespaces.timeOffsets = TimeOffsets(boottime: .seconds(1)) },
  ]) func refusesConfigurationsThatCannotBeApplied(configuration: SpawnConfiguration) {
    var configuration = configuration
    configuration.arguments = ["true"]
    let error = #expect(throws: ContainrError.self) { _ = try configuration.launchPlan() }
    #expect(error?.code == .invalidConfiguration)
  }

  @Test func refusesAnEmptyCommand() {
    let error = #expect(throws: ContainrError.self) { _ = try SpawnConfiguration().launchPlan() }
    #expect(error?.code == .invalidArgument)
  }
}
