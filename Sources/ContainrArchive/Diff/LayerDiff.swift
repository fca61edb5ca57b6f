import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// What a tree changed against the layers below it, as a list (`docker diff`) or as a layer (`docker commit`).
///
/// ```
/// let diff = LayerDiff(upper: "/srv/app/upper", over: ["/srv/base"])
/// for change in try diff.changes() { print(change) }      // A /etc/new, C /etc, D /etc/motd
/// let layer = try diff.write(to: output, compression: .zstd)
/// ```
///
/// A layer is a pax tar (image-spec layer.md): names sorted as bytes, times with nanoseconds, extended attributes with
/// capabilities and POSIX access control lists, hard links, holes of sparse files, devices and FIFOs. It names every directory
/// above a change, because one that a layer leaves out would come back as root's with mode 0755. Its bytes depend on the tree
/// alone. Sockets are left out and counted: tar has no type for them.
///
/// The tree is read by descriptors and no symbolic link is followed, but nothing must write to it meanwhile: a file that
/// changes while it is read is an error, one that changes before or after is not seen.
///
/// Needs to read all files: root, or CAP_DAC_READ_SEARCH. `trusted.` attributes show to CAP_SYS_ADMIN only. Linux 5.6.
public struct LayerDiff: Hashable, Sendable {
  /// How two files that have the same type, size, owner, mode, time and attributes are told apart.
  public enum Comparison: Hashable, Sendable {
    /// By their contents. Files that are the same inode are not read. The default: a program can change a file and set its
    /// time back.
    case contents
    /// Not at all: they count as the same. Reads no file that is the same; for trees whose programs are trusted.
    case metadata
  }

  enum Source: Hashable, Sendable {
    case upper(FilePath, layers: [FilePath])
    case trees(FilePath?, FilePath)
  }

  let source: Source
  /// How two files are told apart; an overlay's upper directory needs no comparison.
  public var comparison: Comparison

  /// The changes in the upper directory of an overlay that is not mounted, or frozen (overlayfs.rst). Unchanged files cost
  /// nothing.
  ///
  /// Whiteouts (devices 0/0 and `overlay.whiteout`) and opaque directories are understood in both namespaces of attributes,
  /// `trusted.` and `user.`. A directory that was renamed in place (`redirect_dir`) and a file without its data (`metacopy`)
  /// are `UNSUPPORTED` by name: compare the mounted trees instead, with ``init(from:to:)``.
  ///
  /// - Parameters:
  ///   - upper: the upper directory.
  ///   - layers: the layers below, base first. They tell what was added from what was modified; without them all is added.
  public init(upper: FilePath, over layers: [FilePath] = []) {
    source = .upper(upper, layers: layers)
    comparison = .contents
  }

  /// The changes between any two trees: two mounted snapshots, a view and a directory, two copies.
  ///
  /// - Parameters:
  ///   - parent: the tree before; nil for an empty one, which makes everything an addition.
  ///   - tree: the tree after.
  ///   - comparison: how files that look the same are told apart.
  public init(from parent: FilePath?, to tree: FilePath, comparison: Comparison = .contents) {
    source = .trees(parent, tree)
    self.comparison = comparison
  }

  /// The paths that differ, sorted as the tree is walked: a directory before what is in it.
  ///
  /// - Throws: `ROOTFS_NOT_FOUND` for a missing tree, `UNSUPPORTED` for what no layer can hold, `IO_FAILURE`,
  ///   `PERMISSION_DENIED`.
  public func changes() throws(ContainrError) -> [LayerChange] {
    let list = try resolve()
    return list.items.indices.dropFirst().compactMap { index in
      list.items[index].kind.map { LayerChange($0, list.path(of: index)) }
    }
  }

  /// Writes the changes as a layer to a descriptor, from its offset on.
  ///
  /// - Throws: as ``changes()``; what was written until then stays.
  public func write(
    to output: borrowing OwnedDescriptor, compression: LayerCompression = .none
  ) throws(ContainrError) -> WrittenLayer {
    let descriptor = output.rawValue
    return try write(compression: compression) { bytes throws(ContainrError) in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        guard count >= 0 || Errno.current == .interrupted else {
          throw .errno(.current, .ioFailure, "writing a layer", call: "write(2)")
        }
        done += max(count, 0)
      }
    }
  }

  /// Writes the changes as a layer, piece by piece: `sink` gets up to a megabyte at once, valid until it returns.
  ///
  /// - Throws: as ``changes()``, and what `sink` throws.
  public func write(
    compression: LayerCompression = .none, to sink: (UnsafeRawBufferPointer) throws(ContainrError) -> Void
  ) throws(ContainrError) -> WrittenLayer {
    let list = try resolve()
    let result: Result<WrittenLayer, ContainrError> = withoutActuallyEscaping(sink) { sink in
      do throws(ContainrError) {
        let stream = try LayerStream(compression: compression, activity: activity, sink: sink)
        var writer = LayerEntryWriter(stream, activity)
        try writer.write(list, from: try open(tree).release())
        return .success(try stream.finish(entries: writer.entries, sockets: list.sockets))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private var tree: FilePath {
    switch source {
    case .upper(let path, _), .trees(_, let path): path
    }
  }

  private var activity: String { "comparing \(tree) with the layers below it" }

  private func open(_ path: FilePath) throws(ContainrError) -> OwnedDescriptor {
    try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY, code: .rootfsNotFound)
  }

  private func resolve() throws(ContainrError) -> ChangeList {
    let directory = try open(tree)
    switch source {
    case .upper(_, let layers):
      var walk = UpperWalk(activity)
      return try walk.run(directory.rawValue, layers: layers)
    case .trees(let parent, _):
      var walk = TreeComparison(activity, comparison)
      guard let parent else { return try walk.run(directory.rawValue, nil) }
      let old = try open(parent)
      return try walk.run(directory.rawValue, old.rawValue)
    }
  }
}
