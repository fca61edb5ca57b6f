import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// What a directory takes up on disk: the writable layer of a container above all.
public struct DirectoryUsage: Hashable, Sendable {
  /// What the files take up, holes not counted, a file with several names once.
  public var space: ByteCount
  /// The files, directories, links and other entries, the directory itself among them.
  public var inodes: UInt64

  /// Takes counts.
  public init(space: ByteCount, inodes: UInt64) {
    self.space = space
    self.inodes = inodes
  }

  /// Counts a directory with all below it, on its own file system. No symbolic link is followed and no mount entered.
  /// Blocks the calling thread, for as long as `du(1)` would. What changes meanwhile is counted or not.
  ///
  /// - Throws: `IO_FAILURE`, `PERMISSION_DENIED`; `PATH_ESCAPE` where somebody moved a directory out of the tree meanwhile.
  public init(of directory: FilePath) throws(ContainrError) {
    var walk = UsageWalk(path: directory)
    try walk.run()
    self.init(space: ByteCount(walk.blocks * 512), inodes: walk.inodes)
  }
}

/// One descriptor follows the walk, so a tree may be deeper than the limit of open files; `..` leads back, and that it
/// led to the same directory is checked.
private struct UsageWalk {
  struct Identity: Hashable {
    var device: dev_t
    var inode: ino_t
  }

  private struct Level {
    var identity: Identity
    var rest: [[CChar]]
  }

  let path: FilePath
  var blocks: UInt64 = 0
  var inodes: UInt64 = 0
  private var linked: Set<Identity> = []

  init(path: FilePath) { self.path = path }

  mutating func run() throws(ContainrError) {
    var current = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    var status = stat()
    guard fstat(current.rawValue, &status) == 0 else { throw failed("fstat(2)") }
    count(status)
    var levels = [Level(identity: Self.identity(status), rest: try enter(current.rawValue))]
    while !levels.isEmpty {
      if let name = levels[levels.count - 1].rest.popLast() {
        let resolve = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV)
        let result = cl_openat2(
          current.rawValue, name, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, resolve)
        if result == -ENOENT || result == -EXDEV { continue }
        let below = OwnedDescriptor(owning: try check(result, .ioFailure, "openat2(2)", "counting \(path)"))
        guard fstat(below.rawValue, &status) == 0 else { throw failed("fstat(2)") }
        count(status)
        levels.append(Level(identity: Self.identity(status), rest: try enter(below.rawValue)))
        current = below
      } else {
        levels.removeLast()
        guard let above = levels.last else { break }
        let parent = try check(
          cl_openat(current.rawValue, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), .ioFailure, "openat(2)",
          "going back up in \(path)")
        current = OwnedDescriptor(owning: parent)
        guard fstat(current.rawValue, &status) == 0, Self.identity(status) == above.identity else {
          throw ContainrError(.pathEscape, "counting \(path)", hint: "something moved a directory in it meanwhile; try again")
        }
      }
    }
  }

  /// Counts what is in a directory, and gives the names of the directories in it.
  private mutating func enter(_ directory: CInt) throws(ContainrError) -> [[CChar]] {
    var directories: [[CChar]] = []
    let size = 32 << 10
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let count = try check(
        cl_getdents(directory, buffer.baseAddress, size), .ioFailure, "getdents64(2)", "counting \(path)")
      if count == 0 { return directories }
      var offset = 0
      while offset < count {
        // struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, name.
        let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
        let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
        offset += length
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
        let text = name.map { CChar(bitPattern: $0) } + [0]
        var status = stat()
        guard fstatat(directory, text, &status, CInt(CL_AT_SYMLINK_NOFOLLOW)) == 0 else {
          if Errno.current == .noSuchFileOrDirectory { continue }
          throw failed("fstatat(2)")
        }
        if status.st_mode & S_IFMT == S_IFDIR { directories.append(text) } else { self.count(status) }
      }
    }
  }

  private mutating func count(_ status: stat) {
    if status.st_mode & S_IFMT != S_IFDIR, status.st_nlink > 1, !linked.insert(Self.identity(status)).inserted { return }
    blocks += UInt64(status.st_blocks)
    inodes += 1
  }

  private static func identity(_ status: stat) -> Identity { Identity(device: status.st_dev, inode: status.st_ino) }

  private func failed(_ call: String) -> ContainrError { .errno(.current, .ioFailure, "counting \(path)", call: call) }
}
