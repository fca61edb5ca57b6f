import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// What ioprio_set(2) is told.
  public struct IOPriority: Hashable, Sendable {
    /// A class of I/O scheduling.
    public enum Class: String, CaseIterable, Hashable, Sendable {
      /// Before all others.
      case realtime = "IOPRIO_CLASS_RT"
      /// The default.
      case bestEffort = "IOPRIO_CLASS_BE"
      /// Only when nobody else needs the disk.
      case idle = "IOPRIO_CLASS_IDLE"
    }

    /// The class.
    public var `class`: Class
    /// 0, the highest, to 7.
    public var priority: Int

    /// Describes a priority.
    public init(class: Class, priority: Int) {
      self.class = `class`
      self.priority = priority
    }
  }
}

extension OCI.RuntimeSpec.Process.IOPriority: JSONConvertible {
  /// Reads the `ioPriority` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      class: try cursor.required("class").name(Class.self), priority: try cursor.integer("priority", Int.self) ?? 0)
  }

  /// The `ioPriority` object.
  public var json: JSON { ["class": .string(`class`.rawValue), "priority": JSON(integer: priority)] }
}
