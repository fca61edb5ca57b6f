import ContainrCore

extension OCI {
  /// What an image is made of and how it wants to run (image-spec config.md).
  public struct ImageConfig: Hashable, Sendable {
    /// When the image was made, RFC 3339.
    public var created: String?
    /// Who made it.
    public var author: String?
    /// What it runs on.
    public var platform: Platform
    /// How it wants to run.
    public var config: Execution
    /// The digests of the layers as uncompressed tar, base first.
    public var diffIDs: [Digest]
    /// How the layers came to be.
    public var history: [History]

    /// Describes an image.
    public init(
      created: String? = nil, author: String? = nil, platform: Platform = .current, config: Execution = Execution(),
      diffIDs: [Digest], history: [History] = []
    ) {
      self.created = created
      self.author = author
      self.platform = platform
      self.config = config
      self.diffIDs = diffIDs
      self.history = history
    }

    /// The chain ids of the layers (image-spec config.md#layer-chainid), base first: what a stack of layers up to and
    /// including this one is called.
    public var chainIDs: [Digest] {
      var result: [Digest] = []
      for diffID in diffIDs {
        result.append(result.last.map { Digest(of: "\($0) \(diffID)".utf8) } ?? diffID)
      }
      return result
    }
  }
}

extension OCI.ImageConfig: JSONConvertible {
  /// Reads an image configuration.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    // A manifest or an index in the place of a configuration is somebody's trick.
    try cursor.refuse(["layers", "manifests", "schemaVersion"], in: "an image configuration")
    let rootfs = try cursor.required("rootfs")
    let type = try rootfs.required("type")
    guard try type.string() == "layers" else { throw type.invalid("expected \"layers\"") }
    self.init(
      created: try cursor.string("created"),
      author: try cursor.string("author"),
      platform: OCI.Platform(
        architecture: try cursor.required("architecture").string(), os: try cursor.required("os").string(),
        variant: try cursor.string("variant"), osVersion: try cursor.string("os.version")),
      config: try cursor.member("config").map { cursor throws(ContainrError) in try Execution(cursor) } ?? Execution(),
      diffIDs: try rootfs.elements("diff_ids")?.map { cursor throws(ContainrError) in try cursor.digest() } ?? [],
      history: try cursor.elements("history")?.map { cursor throws(ContainrError) in try History(cursor) } ?? [])
  }

  /// The configuration document.
  public var json: JSON {
    var object = JSON.Object()
    object.add("created", created)
    object.add("author", author)
    object["architecture"] = .string(platform.architecture)
    object["os"] = .string(platform.os)
    object.add("os.version", platform.osVersion)
    object.add("variant", platform.variant)
    object["config"] = config.json
    object["rootfs"] = ["type": "layers", "diff_ids": .array(diffIDs.map { .string($0.description) })]
    if !history.isEmpty { object["history"] = .array(history.map(\.json)) }
    return .object(object)
  }
}
