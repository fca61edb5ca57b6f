import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Unpacks a blob into a new directory.
@discardableResult
func unpack(
  _ blob: FilePath, into target: FilePath, limits: UnpackLimits = UnpackLimits(), mode: UnpackMode = .overlay
) throws -> LayerUnpacker.Outcome {
  try FileTree.makeDirectories(target, mode: 0o755)
  let directory = try OwnedDescriptor.open(target, flags: O_RDONLY | O_DIRECTORY)
  return try LayerUnpacker.unpack(OwnedDescriptor.open(blob), named: "test", into: directory, limits: limits, mode: mode)
}

/// A tar unpacked as a layer, and where that is.
func withLayer<Result>(
  _ tar: [UInt8], limits: UnpackLimits = UnpackLimits(), _ body: (FilePath) throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    try write(tar, to: directory.appending("layer.tar"))
    try unpack(directory.appending("layer.tar"), into: directory.appending("layer"), limits: limits)
    return try body(directory.appending("layer"))
  }
}

/// The error of a tar that must not unpack; what is beside the target must be untouched.
func refusal(_ tar: [UInt8], limits: UnpackLimits = UnpackLimits()) async throws -> ContainrError? {
  try await withTemporaryDirectory { directory in
    try write(tar, to: directory.appending("layer.tar"))
    let canary = directory.appending("canary")
    try write("untouched".utf8, to: canary)
    let error = #expect(throws: ContainrError.self) {
      try unpack(directory.appending("layer.tar"), into: directory.appending("layer"), limits: limits)
    }
    #expect(try FileContents.text(canary) == "untouched")
    #expect(try FileTree.names(in: directory).sorted() == ["canary", "layer", "layer.tar"])
    return error
  }
}
