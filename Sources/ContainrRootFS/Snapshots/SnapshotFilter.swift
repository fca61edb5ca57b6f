/// Which snapshots are meant.
///
/// `.allOf([.kind(.is("committed")), .label("arch", .is("arm64"))])` is what containerd writes as
/// `kind==committed,labels."arch"==arm64`.
public indirect enum SnapshotFilter: Hashable, Sendable {
  /// How a text must be.
  public enum Match: Hashable, Sendable {
    /// It is there.
    case isPresent
    /// It is there and is this one.
    case `is`(String)
    /// It is not this one; a missing one is not.
    case isNot(String)
    /// It is there and begins so.
    case begins(String)

    func accepts(_ text: String?) -> Bool {
      switch self {
      case .isPresent: text != nil
      case .is(let wanted): text == wanted
      case .isNot(let other): text != other
      case .begins(let prefix): text?.hasPrefix(prefix) ?? false
      }
    }
  }

  /// Every snapshot.
  case all
  /// The snapshot's name.
  case name(Match)
  /// The parent's name.
  case parent(Match)
  /// The kind: `view`, `active`, `committed`.
  case kind(Match)
  /// The value of a label.
  case label(String, Match)
  /// What all of these mean.
  case allOf([SnapshotFilter])
  /// What one of these means.
  case anyOf([SnapshotFilter])

  /// Whether a snapshot is meant.
  public func accepts(_ snapshot: Snapshot) -> Bool {
    switch self {
    case .all: true
    case .name(let match): match.accepts(snapshot.name.description)
    case .parent(let match): match.accepts(snapshot.parent?.description)
    case .kind(let match): match.accepts(snapshot.kind.rawValue)
    case .label(let key, let match): match.accepts(snapshot.labels[key])
    case .allOf(let filters): filters.allSatisfy { $0.accepts(snapshot) }
    case .anyOf(let filters): filters.contains { $0.accepts(snapshot) }
    }
  }
}
