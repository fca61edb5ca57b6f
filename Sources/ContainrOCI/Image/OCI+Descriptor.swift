import ContainrCore

extension OCI {
  /// A blob by its type, digest and size (image-spec descriptor.md).
  public struct Descriptor: Hashable, Sendable {
    /// What the blob is.
    public var mediaType: MediaType
    /// The digest of its bytes.
    public var digest: Digest
    /// How long it is.
    public var size: ByteCount
    /// What it runs on, where the descriptor stands in an index.
    public var platform: Platform?
    /// Free names and values; `org.opencontainers.image.ref.name` names an image in a layout.
    public var annotations: [String: String]
    /// What the content is when it is not a container image.
    public var artifactType: String?

    /// Describes a blob.
    public init(
      mediaType: MediaType, digest: Digest, size: ByteCount, platform: Platform? = nil,
      annotations: [String: String] = [:], artifactType: String? = nil
    ) {
      self.mediaType = mediaType
      self.digest = digest
      self.size = size
      self.platform = platform
      self.annotations = annotations
      self.artifactType = artifactType
    }
  }
}

extension OCI.Descriptor: JSONConvertible {
  /// Reads a descriptor object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      mediaType: OCI.MediaType(rawValue: try cursor.required("mediaType").string()),
      digest: try cursor.required("digest").digest(),
      // The schema has a signed 64-bit integer, so a size that only an unsigned one holds is refused.
      size: ByteCount(UInt64(try cursor.required("size").size())),
      platform: try cursor.member("platform").map { cursor throws(ContainrError) in try OCI.Platform(cursor) },
      annotations: try cursor.stringMap("annotations") ?? [:],
      artifactType: try cursor.string("artifactType"))
  }

  /// The descriptor object.
  public var json: JSON {
    var object = JSON.Object()
    object["mediaType"] = .string(mediaType.rawValue)
    object["digest"] = .string(digest.description)
    object["size"] = size.bytes <= UInt64(Int64.max) ? .integer(Int64(size.bytes)) : .unsigned(size.bytes)
    if let platform { object["platform"] = platform.json }
    object.add("artifactType", artifactType)
    object.add("annotations", annotations)
    return .object(object)
  }
}

extension JSON.Cursor {
  /// This value as a digest.
  public func digest() throws(ContainrError) -> Digest {
    let text = try string()
    do throws(ContainrError) { return try Digest(parsing: text) } catch {
      throw invalid("not a digest that Containr can check: sha256: and 64 lower-case hexadecimal digits", cause: error)
    }
  }

  fileprivate func size() throws(ContainrError) -> Int64 {
    let size = try integer(Int64.self)
    guard size >= 0 else { throw invalid("a negative size") }
    return size
  }
}
