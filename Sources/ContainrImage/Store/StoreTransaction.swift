import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// One addition to a store: blobs and layers are written aside, and appear all at once.
///
/// `begin`, `ingest` and `unpack` any number of times, `commit`. Without a commit nothing stays.
package struct StoreTransaction: ~Copyable {
  private let store: ImageStore
  private let directory: FilePath
  /// Holds the lock on `directory`, which tells other writers that its owner lives.
  private let holder: OwnedDescriptor
  private var blobs: [Digest: FilePath] = [:]
  private var layers: [Digest: FilePath] = [:]
  private var nextName = 0

  /// Begins, and removes what killed writers left behind.
  package init(_ store: ImageStore) throws(ContainrError) {
    // With the lock nobody is between making a directory and locking it.
    let lock = try store.lock(exclusive: true)
    defer { withExtendedLifetime(lock) {} }
    try FileTree.makeDirectories(store.temporaryDirectory)
    try Self.sweep(store)
    let directory = store.temporaryDirectory.appending("\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
    try FileTree.makeDirectories(directory)
    let holder = try OwnedDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
    try check(cl_flock(holder.rawValue, LOCK_EX | LOCK_NB), .ioFailure, "flock(2)", "locking \(directory)")
    self.store = store
    self.directory = directory
    self.holder = holder
  }

  deinit {
    do throws(ContainrError) { try FileTree.remove(directory) } catch {
      // What stays is swept by the next writer, once this lock is gone.
    }
  }

  /// Removes what killed writers left behind. The caller holds the store's lock.
  static func sweep(_ store: ImageStore) throws(ContainrError) {
    for name in try FileTree.names(in: store.directory) where name.contains(".tmp-") {
      try FileTree.remove(store.directory.appending(name))
    }
    for name in try FileTree.names(in: store.temporaryDirectory) {
      let path = store.temporaryDirectory.appending(name)
      let result = cl_openat(AT_FDCWD, path.string, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
      if result == -ENOENT { continue }
      let entry = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
      // A writer that lives holds its directory locked.
      if cl_flock(entry.rawValue, LOCK_EX | LOCK_NB) == 0 { try FileTree.remove(path) }
    }
  }

  private mutating func freshPath() -> FilePath {
    nextName += 1
    return directory.appending("\(nextName)")
  }

  // MARK: Blobs

  /// Where the bytes of a blob are: committed, or written by this transaction.
  func path(of digest: Digest) -> FilePath { blobs[digest] ?? store.blobPath(digest) }

  /// Whether the blob is there with its full length. A shorter file is what a power failure left, and is written anew.
  package func has(_ descriptor: OCI.Descriptor) -> Bool {
    var status = stat()
    return stat(path(of: descriptor.digest).string, &status) == 0 && UInt64(status.st_size) == descriptor.size.bytes
  }

  /// Begins a blob of unknown digest.
  package mutating func beginBlob() throws(ContainrError) -> BlobWriter { try BlobWriter(freshPath()) }

  /// Ends a blob: the content is kept under its digest.
  ///
  /// - Parameter expected: what the content must be.
  /// - Throws: `DIGEST_MISMATCH`.
  @discardableResult
  package mutating func finish(
    _ writer: consuming BlobWriter, expected: OCI.Descriptor? = nil
  ) throws(ContainrError) -> (digest: Digest, size: ByteCount) {
    let path = writer.path
    let (digest, size) = writer.finish()
    if let expected, digest != expected.digest || size != expected.size {
      unlink(path.string)
      throw .digestMismatch(
        "the \(expected.mediaType)", expected: "\(expected.digest), \(expected.size.bytes) bytes",
        actual: "\(digest), \(size.bytes) bytes")
    }
    if let earlier = blobs.updateValue(path, forKey: digest) { unlink(earlier.string) }
    return (digest, size)
  }

  /// Adds a whole blob.
  package mutating func add(_ bytes: [UInt8]) throws(ContainrError) -> (digest: Digest, size: ByteCount) {
    var writer = try beginBlob()
    try writer.write(bytes)
    return try finish(writer)
  }

  /// Reads a small blob that is committed or of this transaction, and checks it.
  func document(_ descriptor: OCI.Descriptor) throws(ContainrError) -> [UInt8] {
    try ImageStore.checkSize(descriptor)
    let bytes = try FileContents.read(path(of: descriptor.digest), limit: Int(JSON.Limits().size.bytes), code: .imageInvalid)
    try ImageStore.verify(bytes, against: descriptor)
    return bytes
  }

  /// Removes blobs of this transaction that no image refers to.
  mutating func keepBlobs(_ digests: Set<Digest>) {
    for (digest, path) in blobs where !digests.contains(digest) {
      unlink(path.string)
      blobs[digest] = nil
    }
  }

  // MARK: Layers

  /// Unpacks those layers of an image that the store does not have, and checks their diff ids.
  package mutating func unpackLayers(of manifest: OCI.Manifest, _ config: OCI.ImageConfig) throws(ContainrError) {
    for ((layer, diffID), chainID) in zip(zip(manifest.layers, config.diffIDs), config.chainIDs) {
      if layers[chainID] != nil || access(store.layerPath(chainID).string, F_OK) == 0 { continue }
      let blob = try OwnedDescriptor.open(path(of: layer.digest), code: .imageInvalid)
      let (target, outcome) = try unpack(blob, named: layer.digest.description)
      guard outcome.diffID == diffID else {
        throw .digestMismatch("the contents of the layer \(layer.digest)", expected: "\(diffID)", actual: "\(outcome.diffID)")
      }
      layers[chainID] = target
    }
  }

  /// Unpacks a blob as a base layer, and keeps it under its diff id, which is given back.
  mutating func unpackBaseLayer(_ blob: Digest) throws(ContainrError) -> Digest {
    let descriptor = try OwnedDescriptor.open(path(of: blob), code: .imageInvalid)
    let (target, outcome) = try unpack(descriptor, named: blob.description)
    layers[outcome.diffID] = target
    return outcome.diffID
  }

  private mutating func unpack(
    _ blob: borrowing OwnedDescriptor, named name: String
  ) throws(ContainrError) -> (FilePath, LayerUnpacker.Outcome) {
    let target = freshPath()
    try FileTree.makeDirectories(target)
    guard chmod(target.string, 0o755) == 0 else {
      throw .errno(.current, .ioFailure, "making \(target)", call: "chmod(2)")
    }
    let limits = store.limits
    let directory = try OwnedDescriptor.open(target, flags: O_RDONLY | O_DIRECTORY)
    return (target, try LayerUnpacker.unpack(blob, named: name, into: directory, limits: limits))
  }

  // MARK: The end

  /// Makes everything part of the store, then names the images in the index.
  package consuming func commit(_ images: [(ImageReference, OCI.Descriptor)]) throws(ContainrError) {
    // One sync of the file system before anything gets its final name: what the store shows is on the disk.
    if !blobs.isEmpty || !layers.isEmpty {
      try check(cl_syncfs(holder.rawValue), .ioFailure, "syncfs(2)", "writing the images to the disk")
    }
    for (digest, path) in blobs {
      guard rename(path.string, store.blobPath(digest).string) == 0 else {
        throw .errno(.current, .ioFailure, "adding the blob \(digest)", call: "rename(2)")
      }
    }
    for (chainID, path) in layers where rename(path.string, store.layerPath(chainID).string) != 0 {
      // Another process was faster: its directory has the same contents.
      guard [.fileExists, .directoryNotEmpty].contains(Errno.current) else {
        throw .errno(.current, .ioFailure, "adding the layer \(chainID)", call: "rename(2)")
      }
    }
    guard !images.isEmpty else { return }
    try store.changeIndex { index in
      for (reference, descriptor) in images { index.set(descriptor, as: reference) }
    }
  }
}

extension OCI.Index {
  /// Names a manifest; another of that name loses it.
  mutating func set(_ descriptor: OCI.Descriptor, as reference: ImageReference) {
    remove(reference)
    var descriptor = descriptor
    descriptor.annotations[ImageStore.nameAnnotation] = reference.description
    descriptor.annotations[ImageStore.canonicalNameAnnotation] = reference.canonical
    manifests.append(descriptor)
  }

  /// Takes a name away. Whether there was one.
  @discardableResult
  mutating func remove(_ reference: ImageReference) -> Bool {
    let before = manifests.count
    manifests.removeAll { ImageStore.reference(of: $0) == reference }
    return manifests.count != before
  }
}
