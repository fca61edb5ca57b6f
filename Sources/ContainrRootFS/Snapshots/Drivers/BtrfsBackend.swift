import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A subvolume for each snapshot (ioctls of linux/btrfs.h).
struct BtrfsBackend: SnapshotBackend {
  /// - Throws: `UNSUPPORTED` where the store is not on btrfs.
  init(_ places: SnapshotPlaces) throws(ContainrError) {
    let directory = try OwnedDescriptor.open(places.snapshots, flags: O_RDONLY | O_DIRECTORY)
    let isBtrfs = try check(cl_is_btrfs(directory.rawValue), .ioFailure, "fstatfs(2)", "reading \(places.root)")
    guard isBtrfs == 1 else {
      throw ContainrError(.unsupported, "keeping btrfs snapshots at \(places.root)", hint: "it is on another file system")
    }
  }

  func build(
    _ record: SnapshotRecord, from parent: SnapshotRecord?, at place: FilePath, _ places: SnapshotPlaces
  ) throws(ContainrError) {
    let directory = try OwnedDescriptor.open(place, flags: O_RDONLY | O_DIRECTORY)
    guard let parent else {
      try check(
        cl_btrfs_create(directory.rawValue, "fs"), .ioFailure, "ioctl(BTRFS_IOC_SUBVOL_CREATE_V2)", "making \(place)/fs")
      guard chmod(place.string + "/fs", 0o755) == 0 else {
        throw .errno(.current, .ioFailure, "making \(place)/fs", call: "chmod(2)")
      }
      return
    }
    let source = try OwnedDescriptor.open(places.files(parent.id), flags: O_RDONLY | O_DIRECTORY)
    // A process may have been killed between the commit and this.
    try seal(source, "sealing \(parent.name)")
    try check(
      cl_btrfs_snapshot(directory.rawValue, "fs", source.rawValue, record.kind == .view ? 1 : 0), .ioFailure,
      "ioctl(BTRFS_IOC_SNAP_CREATE_V2)", "making \(place)/fs")
  }

  func mount(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMount {
    SnapshotMount(source: .directory(places.files(record.id)), isReadOnly: record.kind == .view)
  }

  func measure(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMeasure {
    var count = TreeUsage(countsSharedData: false)
    if let parent = record.chain.last { try count.compare(with: places.files(parent)) }
    try count.add(places.files(record.id))
    return SnapshotMeasure(usage: count.usage)
  }

  func seal(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) {
    try seal(try .open(places.files(record.id), flags: O_RDONLY | O_DIRECTORY), "sealing \(record.name)")
  }

  private func seal(_ subvolume: borrowing OwnedDescriptor, _ activity: String) throws(ContainrError) {
    try check(cl_btrfs_set_read_only(subvolume.rawValue, 1), .ioFailure, "ioctl(BTRFS_IOC_SUBVOL_SETFLAGS)", activity)
  }

  func delete(_ id: UInt64, at place: FilePath, _ places: SnapshotPlaces) throws(ContainrError) {
    let result = cl_openat(AT_FDCWD, place.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT { return }
    let directory = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(place)"))
    let destroyed = cl_btrfs_destroy(directory.rawValue, "fs")
    if destroyed < 0, destroyed != -ENOENT {
      // Subvolumes inside, or no right to destroy one (user_subvol_rm_allowed): removing the files takes it as well. An
      // empty subvolume goes by rmdir(2) since Linux 4.18.
      let files = cl_openat(directory.rawValue, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
      let subvolume = OwnedDescriptor(owning: try check(files, .ioFailure, "openat(2)", "opening \(place)/fs"))
      try check(
        cl_btrfs_set_read_only(subvolume.rawValue, 0), .ioFailure, "ioctl(BTRFS_IOC_SUBVOL_SETFLAGS)", "removing \(place)/fs")
    }
    try FileTree.remove(place)
  }
}
