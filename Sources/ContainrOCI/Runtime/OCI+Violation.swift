import ContainrCore

extension OCI.RuntimeSpec {
  /// A MUST of the specification that a configuration does not keep.
  public struct Violation: Hashable, Sendable, CustomStringConvertible {
    /// The place in the document, `$.linux.namespaces[2]`.
    public var path: String
    /// What is wrong there.
    public var message: String
    /// Where the specification says so, `config-linux.md#namespaces`.
    public var section: String

    /// `$.process.cwd: is not an absolute path (config.md#process)`.
    public var description: String { "\(path): \(message) (\(section))" }
  }
}
