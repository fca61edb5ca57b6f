import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Where a store keeps what.
///
/// ```
/// store.json            the driver
/// lock                  locked by who changes the store; the last number
/// names/<name>          a symbolic link to the number: an index, right only where the record says the same name
/// snapshots/<number>/   snapshot.json, fs/, and what the driver needs; children/<number> of those that began from it
/// staging/<number>/     a snapshot that is being made, locked by who makes it
/// staging/<number>      a commit under way: a symbolic link, `<old name>/<new name>`
/// trash/<number>/       a removed snapshot, locked by who deletes it
/// ```
struct SnapshotPlaces: Hashable, Sendable {
  let root: FilePath

  var lock: FilePath { root.appending("lock") }
  var description: FilePath { root.appending("store.json") }
  var names: FilePath { root.appending("names") }
  var snapshots: FilePath { root.appending("snapshots") }
  var staging: FilePath { root.appending("staging") }
  var trash: FilePath { root.appending("trash") }

  func name(_ key: SnapshotKey) -> FilePath { FilePath("\(root.string)/names/\(key.fileName)") }
  func snapshot(_ id: UInt64) -> FilePath { FilePath("\(root.string)/snapshots/\(id)") }
  func staging(_ id: UInt64) -> FilePath { FilePath("\(root.string)/staging/\(id)") }
  func commit(_ id: UInt64) -> FilePath { FilePath("\(root.string)/staging/commit-\(id)") }
  func trash(_ id: UInt64) -> FilePath { FilePath("\(root.string)/trash/\(id)") }
  func files(_ id: UInt64) -> FilePath { FilePath("\(root.string)/snapshots/\(id)/fs") }
  func children(_ id: UInt64) -> FilePath { FilePath("\(root.string)/snapshots/\(id)/children") }
  func child(_ child: UInt64, of id: UInt64) -> FilePath { FilePath("\(root.string)/snapshots/\(id)/children/\(child)") }

  /// The record in a directory; nil where there is none.
  func record(in directory: FilePath) throws(ContainrError) -> SnapshotRecord? {
    let path = directory.string + "/snapshot.json"
    let result = cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    let file = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
    let bytes = try FileContents.read(file, "reading \(path)")
    // A power failure leaves an empty file where a snapshot was not synced; its files are no better.
    return bytes.isEmpty ? nil : try SnapshotRecord(parsing: bytes, as: path)
  }

  func write(_ record: SnapshotRecord, in directory: FilePath, durable: Bool) throws(ContainrError) {
    try FileContents.replace(
      FilePath(directory.string + "/snapshot.json"), with: try record.serialized(), durable: durable)
  }

  /// The snapshot of a name; nil where there is none.
  func record(_ key: SnapshotKey) throws(ContainrError) -> SnapshotRecord? {
    guard let number = try Self.target(of: name(key)).flatMap({ UInt64($0) }) else { return nil }
    // Between two steps of a change the index may say more than there is: the record has the last word.
    guard let record = try record(in: snapshot(number)), record.name == key else { return nil }
    return record
  }

  /// What a symbolic link says; nil where there is none.
  static func target(of link: FilePath) throws(ContainrError) -> String? {
    var buffer = [CChar](repeating: 0, count: 1024)
    let count = readlink(link.string, &buffer, buffer.count)
    guard count >= 0 else {
      if Errno.current == .noSuchFileOrDirectory { return nil }
      throw .errno(.current, .ioFailure, "reading \(link)", call: "readlink(2)")
    }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Makes a name lead to a snapshot. What is there already leads nowhere, or nobody would have asked.
  func link(_ key: SnapshotKey, to id: UInt64) throws(ContainrError) {
    let path = name(key).string
    if symlink(String(id), path) == 0 { return }
    if Errno.current == .fileExists {
      unlink(path)
      if symlink(String(id), path) == 0 { return }
    }
    throw .errno(.current, .ioFailure, "making \(path)", call: "symlink(2)")
  }

  static func unlinkIfPresent(_ path: FilePath) throws(ContainrError) {
    guard unlink(path.string) == 0 || Errno.current == .noSuchFileOrDirectory else {
      throw .errno(.current, .ioFailure, "removing \(path)", call: "unlink(2)")
    }
  }

  static func rename(_ from: FilePath, _ to: FilePath) throws(ContainrError) {
    guard Glibc.rename(from.string, to.string) == 0 else {
      throw .errno(.current, .ioFailure, "renaming \(from) to \(to)", call: "rename(2)")
    }
  }
}
