import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// A limit of setrlimit(2).
  public struct Rlimit: Hashable, Sendable {
    /// `RLIMIT_NOFILE`.
    public var type: String
    /// The ceiling.
    public var hard: UInt64
    /// The limit.
    public var soft: UInt64

    /// Describes a limit.
    public init(type: String, hard: UInt64, soft: UInt64) {
      self.type = type
      self.hard = hard
      self.soft = soft
    }
  }
}

extension OCI.RuntimeSpec.Process.Rlimit: JSONConvertible {
  /// Reads a limit.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      type: try cursor.required("type").string(), hard: try cursor.required("hard").integer(),
      soft: try cursor.required("soft").integer())
  }

  /// The limit as an object.
  public var json: JSON { ["type": .string(type), "hard": JSON(integer: hard), "soft": JSON(integer: soft)] }
}
