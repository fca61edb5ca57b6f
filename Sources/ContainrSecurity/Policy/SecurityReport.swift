import ContainrCore

/// Every wall around a container on a machine: whether it stands, and why.
public struct SecurityReport: Hashable, Sendable {
  /// One wall.
  public struct Wall: Hashable, Sendable {
    /// What it is, `system calls`.
    public var name: String
    /// Whether it stands.
    public var state: State
    /// What it consists of, or why it does not stand.
    public var reason: String

    /// Describes a wall.
    public init(_ name: String, _ state: State, _ reason: String) {
      self.name = name
      self.state = state
      self.reason = reason
    }
  }

  /// Whether a wall stands.
  public enum State: String, Hashable, Sendable {
    /// It stands.
    case on
    /// The policy leaves it out.
    case off
    /// The policy wants it, and the machine cannot.
    case unavailable
  }

  /// The walls, outermost privileges first.
  public var walls: [Wall]

  /// Takes walls.
  public init(walls: [Wall]) { self.walls = walls }

  /// The wall of a name.
  public subscript(name: String) -> Wall? { walls.first { $0.name == name } }

  /// The same as a JSON array on one line: objects with `name`, `state` and `reason`.
  public var json: String {
    JSONText.array(
      walls.map {
        JSONText.object([
          ("name", JSONText.string($0.name)), ("state", JSONText.string($0.state.rawValue)),
          ("reason", JSONText.string($0.reason)),
        ])
      })
  }
}

extension SecurityReport: CustomStringConvertible {
  /// A table for people: one line a wall.
  public var description: String {
    let width = walls.map(\.name.utf8.count).max() ?? 0
    return walls.map { wall in
      func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
      }
      return "\(padded(wall.name, width))  \(padded(wall.state.rawValue, 11))  \(PrintableText.singleLine(wall.reason))"
    }.joined(separator: "\n")
  }
}
