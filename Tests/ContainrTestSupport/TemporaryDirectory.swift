import ContainrCore
import Glibc
import SystemPackage

/// A fresh directory under /tmp that is removed, with all in it, when the closure ends.
public func withTemporaryDirectory<Result>(
  isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Result
) async throws -> Result {
  var template = Array("/tmp/containr-test-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  let path = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
  let result: Swift.Result<Result, any Error>
  do { result = .success(try await body(path)) } catch { result = .failure(error) }
  try FileTree.remove(path)
  return try result.get()
}
