import ContainrCore

extension OCI {
  /// What an image runs on (image-spec image-index.md, `platform`), in Go's words: `linux`, `amd64`.
  public struct Platform: Hashable, Sendable {
    /// The processor architecture, `amd64` or `arm64`.
    public var architecture: String
    /// The operating system, `linux`.
    public var os: String
    /// The variant of the processor, `v8`.
    public var variant: String?
    /// The version of the operating system; for Windows.
    public var osVersion: String?

    /// Names a platform.
    public init(architecture: String, os: String = "linux", variant: String? = nil, osVersion: String? = nil) {
      self.architecture = architecture
      self.os = os
      self.variant = variant
      self.osVersion = osVersion
    }

    #if arch(x86_64)
      /// The platform that this program was compiled for.
      public static let current = Platform(architecture: "amd64")
    #elseif arch(arm64)
      /// The platform that this program was compiled for.
      public static let current = Platform(architecture: "arm64", variant: "v8")
    #else
      #error("name this architecture in Go's words (image-spec image-index.md)")
    #endif

    /// Whether an image for `self` runs on `machine`. Variants differ only where both name one; arm64 is v8.
    public func runs(on machine: Platform) -> Bool {
      guard os == machine.os, architecture == machine.architecture else { return false }
      guard let variant, let wanted = machine.variant else { return true }
      return variant == wanted
    }
  }
}

extension OCI.Platform: CustomStringConvertible {
  /// `linux/arm64/v8`.
  public var description: String { "\(os)/\(architecture)" + (variant.map { "/" + $0 } ?? "") }
}

extension OCI.Platform: JSONConvertible {
  /// Reads a platform object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      architecture: try cursor.required("architecture").string(), os: try cursor.required("os").string(),
      variant: try cursor.string("variant"), osVersion: try cursor.string("os.version"))
  }

  /// The platform object.
  public var json: JSON {
    var object = JSON.Object()
    object["architecture"] = .string(architecture)
    object["os"] = .string(os)
    object.add("os.version", osVersion)
    object.add("variant", variant)
    return .object(object)
  }
}
