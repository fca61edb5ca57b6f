import ContainrCore
import ContainrImage
import SystemPackage

/// Outside of async functions the synchronous call is meant.
func importLayer(_ tar: FilePath, into store: ImageStore) throws -> ResolvedImage {
  try store.import(tar, as: ImageReference("test"))
}
