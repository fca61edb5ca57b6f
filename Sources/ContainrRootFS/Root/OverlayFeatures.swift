import ContainrLaunch

/// Extensions of overlayfs that change what a layer holds (Documentation/filesystems/overlayfs.rst).
///
/// A layer written with one is only right in a mount that has it too.
public struct OverlayFeatures: OptionSet, Hashable, Sendable {
  /// The bits.
  public let rawValue: UInt8
  /// Takes bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `metacopy=on`: a change of owner or mode copies no data (Linux 4.19). Implies ``redirects``. Not for layers that
  /// somebody else made: a file of theirs could show what another layer holds.
  public static let metacopy = OverlayFeatures(rawValue: 1)
  /// `redirect_dir=on`: directories of lower layers can be renamed (Linux 4.10). Without it rename(2) fails with `EXDEV`.
  public static let redirects = OverlayFeatures(rawValue: 2)
  /// `userxattr`: marks are kept in `user.` attributes, which need no privilege (Linux 5.11). Goes with none of the others.
  public static let userAttributes = OverlayFeatures(rawValue: 4)

  /// The options, all of them said: what the module's parameters say on this machine does not matter.
  var options: [MountOption] {
    if contains(.userAttributes) { return [MountOption("userxattr")] }
    // A feature that is not asked for is not followed either: a layer with such marks is refused, not misread.
    let follows = contains(.metacopy) || contains(.redirects)
    return [
      MountOption("redirect_dir", follows ? "on" : "nofollow"), MountOption("metacopy", contains(.metacopy) ? "on" : "off"),
    ]
  }
}
