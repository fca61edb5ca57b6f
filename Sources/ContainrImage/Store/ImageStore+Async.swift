import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

extension ImageStore {
  /// Loads images; see ``load(_:as:)-(FilePath,ImageReference?)``. The work is done on a thread of its own, because it
  /// blocks on the disk.
  @discardableResult
  public func load(_ path: FilePath, as reference: ImageReference? = nil) async throws -> [ResolvedImage] {
    try await blocking("containr-image") { try load(path, as: reference) }
  }

  /// Imports a root file system, on a thread of its own.
  @discardableResult
  public func `import`(
    _ tar: FilePath, as reference: ImageReference, execution: OCI.ImageConfig.Execution = .init()
  ) async throws -> ResolvedImage {
    try await blocking("containr-image") { try self.import(tar, as: reference, execution: execution) }
  }

  /// Finds an image, on a thread of its own: layers may have to be unpacked.
  public func resolve(_ reference: ImageReference) async throws -> ResolvedImage {
    try await blocking("containr-image") { try resolve(reference) }
  }
}

extension DefaultImage {
  /// The image, on a thread of its own: it may have to be made.
  public func resolve(in store: ImageStore) async throws -> ResolvedImage {
    try await blocking("containr-image") { try resolve(in: store) }
  }
}
