import ContainrCore
import ContainrOCI
import SystemPackage

/// An image that is ready to run: its configuration is checked, its layers are unpacked.
public struct ResolvedImage: Sendable, Hashable {
  /// The name it was found under.
  public let reference: ImageReference
  /// The digest of its manifest.
  public let manifestDigest: Digest
  /// The digest of its configuration, which Docker calls the image id.
  public let configDigest: Digest
  /// Its configuration.
  public let config: OCI.ImageConfig
  /// The unpacked layers, base first: the lower directories of an overlay. They are shared; nothing may write to them.
  public let layers: [FilePath]

  /// The command line that the image asks for: the entrypoint, then the command.
  public var commandLine: [String] { config.config.entrypoint + config.config.command }
}
