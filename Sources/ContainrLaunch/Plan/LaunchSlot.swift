import CContainrInit

/// A descriptor that a launch plan names by number: one that the parent hands over, or one that an earlier operation makes.
public struct LaunchSlot: Hashable, Sendable, CustomStringConvertible {
  /// The number.
  public let index: Int

  init(index: Int) { self.index = index }

  /// The current working directory (`AT_FDCWD`), for paths of the host.
  public static let workingDirectory = LaunchSlot(index: Int(CI_SLOT_WORKING_DIRECTORY))

  static let none = LaunchSlot(index: Int(CI_SLOT_NONE))

  /// `$3`; `cwd` for the working directory.
  public var description: String { self == .workingDirectory ? "cwd" : "$\(index)" }
}
