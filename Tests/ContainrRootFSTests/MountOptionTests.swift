import ContainrCore
import ContainrLaunch
import ContainrRootFS
import SystemPackage
import Testing

/// Mounts as OCI documents and fstab(5) have them.
@Suite struct MountOptionTests {
  private func mount(
    _ type: String?, _ options: [String], source: String? = "/source", idMap: MountIDMap? = nil
  ) throws -> Mount {
    try Mount(ociType: type, source: source, destination: "/m", options: options, idMap: idMap)
  }

  @Test func aBindIsOneByItsTypeOrByItsOptions() throws {
    #expect(try mount("bind", []).kind == .bind(source: "/source", recursive: false))
    #expect(try mount("none", ["rbind"]).kind == .bind(source: "/source", recursive: true))
    #expect(try mount(nil, ["rbind", "bind"]).kind == .bind(source: "/source", recursive: false))
    #expect(throws: ContainrError.self) { try mount("bind", [], source: nil) }
    #expect(throws: ContainrError.self) { try mount(nil, ["ro"]) }
  }

  @Test func theKindFollowsFromTheType() throws {
    #expect(try mount("proc", []).kind == .proc)
    #expect(try mount("sysfs", []).kind == .sysfs)
    #expect(try mount("devpts", []).kind == .devpts)
    #expect(try mount("mqueue", []).kind == .mqueue)
    #expect(try mount("cgroup", []).kind == .cgroup)
    #expect(try mount("ext4", [], source: "/dev/sdx").kind == .fileSystem(type: "ext4", source: "/dev/sdx"))
    #expect(try mount("tmpfs", ["remount", "ro"]).kind == .remount)
    let memory = try mount("tmpfs", ["size=64k", "mode=700", "nr_inodes=9", "size=65k"])
    #expect(memory.kind == .tmpfs(size: .kibibytes(65), mode: 0o700))
    #expect(memory.options == [MountOption("nr_inodes", "9")])
    let half = try mount("tmpfs", ["size=50%"])
    #expect(half.kind == .tmpfs(size: nil, mode: nil) && half.options == [MountOption("size", "50%")])
    for wrong in ["size=much", "mode=99", "=x", "a\0b"] { #expect(throws: ContainrError.self) { try mount("tmpfs", [wrong]) } }
  }

  @Test(arguments: [
    ("ro", "rw", MountAttributes.readOnly), ("nosuid", "suid", .noSuid), ("nodev", "dev", .noDev), ("noexec", "exec", .noExec),
    ("noatime", "atime", .noAccessTime), ("strictatime", "nostrictatime", .strictAccessTime),
    ("noatime", "relatime", .noAccessTime), ("nodiratime", "diratime", .noDirectoryAccessTime),
    ("nosymfollow", "symfollow", .noSymbolicLinkFollow),
  ])
  func ofContradictoryOptionsTheLastOneWins(on: String, off: String, attribute: MountAttributes) throws {
    let set = try mount("bind", [off, on])
    #expect(set.attributes == attribute && set.cleared.isDisjoint(with: attribute))
    let cleared = try mount("bind", [on, off])
    #expect(cleared.attributes == [] && cleared.cleared.isSuperset(of: attribute))
    let below = try mount("bind", ["r" + on])
    #expect(below.recursiveAttributes == attribute && below.attributes == [])
    let clearedBelow = try mount("bind", ["r" + on, "r" + off])
    #expect(clearedBelow.recursiveAttributes == [] && clearedBelow.recursivelyCleared.isSuperset(of: attribute))
    // A new mount has nothing that could be taken away.
    #expect(try mount("tmpfs", [on, off, "r" + on, "r" + off]).cleared == [])
  }

  @Test func waysToKeepAccessTimesExcludeEachOther() throws {
    #expect(try mount("bind", ["noatime", "strictatime"]).attributes == .strictAccessTime)
    #expect(try mount("bind", ["strictatime", "noatime", "nodiratime"]).attributes == [.noAccessTime, .noDirectoryAccessTime])
  }

  @Test func propagationIdMapsAndCopiesAreRead() throws {
    let words: [(String, MountPropagation, Bool)] = [
      ("private", .private, false), ("rprivate", .private, true), ("slave", .slave, false), ("rslave", .slave, true),
      ("shared", .shared, false), ("rshared", .shared, true), ("unbindable", .unbindable, false),
      ("runbindable", .unbindable, true),
    ]
    for (word, propagation, recursive) in words {
      let read = try mount("bind", ["rshared", word])
      #expect(read.propagation == propagation && read.isPropagationRecursive == recursive)
    }
    #expect(try mount("bind", ["idmap"]).idMapping == .container(recursive: false))
    #expect(try mount("bind", ["idmap", "ridmap"]).idMapping == .container(recursive: true))
    let map = MountIDMap(
      users: [.init(containerID: 0, hostID: 1000, count: 1)], groups: [.init(containerID: 0, hostID: 1000, count: 1)])
    #expect(try mount("bind", ["ridmap"], idMap: map).idMapping == .own(map, recursive: true))
    #expect(try mount("bind", [], idMap: map).idMapping == .own(map, recursive: false))
    #expect(try mount("bind", []).idMapping == nil)
    #expect(try mount("tmpfs", ["tmpcopyup"]).copiesUp)
  }

  @Test func whatIsNoFlagGoesToTheFileSystem() throws {
    let read = try mount("fuse", ["defaults", "allow_other", "fd=3", "sync", "loud", "a=b=c", ""])
    #expect(
      read.options == [MountOption("allow_other"), MountOption("fd", "3"), MountOption("sync"), MountOption("a", "b=c")])
    #expect(read.attributes == [])
  }

  @Test func aLabelIsTypedAndGoesToFileSystemsThatTakeOne() throws {
    let text = "system_u:object_r:container_file_t:s0:c1,c2"
    let memory = try mount("tmpfs", ["context=\"\(text)\""])
    #expect(memory.label?.description == text)
    var plan = LaunchPlan()
    var root = RootFS(.directory("/srv"))
    root.mounts = [memory]
    _ = try plan.append(rootFS: root, context: RootFSContext())
    #expect(plan.description.contains("new tmpfs context=\(text)"))
    for wrong in ["", "a:b", "a::c", "a:b:c d", "a:b:\"c"] { #expect(throws: ContainrError.self) { try MountLabel(wrong) } }
  }

  @Test(arguments: [
    ("bind", ["size=1m"], "size"), ("bind", ["sync"], "sync"), ("bind", ["tmpcopyup"], "tmpcopyup"),
    ("bind", ["context=a:b:c"], "context"), ("proc", ["idmap"], "idmap"), ("sysfs", ["context=a:b:c"], "context"),
    ("mqueue", ["tmpcopyup"], "tmpcopyup"),
  ])
  func whatAKindCannotHaveIsRefusedByName(type: String, options: [String], name: String) throws {
    var root = RootFS(.directory("/srv"))
    root.mounts = [try mount(type, options)]
    var plan = LaunchPlan()
    let error = #expect(throws: ContainrError.self) { try plan.append(rootFS: root, context: RootFSContext()) }
    #expect(error?.code == .unsupported)
    #expect(error?.activity == "mounting at /m with \(name)")
  }

  @Test func idMapWithoutAnyMapIsRefused() throws {
    var root = RootFS(.directory("/srv"))
    root.mounts = [try mount("bind", ["idmap"])]
    var plan = LaunchPlan()
    let error = #expect(throws: ContainrError.self) { try plan.append(rootFS: root, context: RootFSContext()) }
    #expect(error?.code == .invalidConfiguration)
  }
}
