import ContainrCore

extension OCI.ImageConfig {
  /// One step of an image's making (image-spec config.md, `history`).
  public struct History: Hashable, Sendable {
    /// When, RFC 3339.
    public var created: String?
    /// By which command.
    public var createdBy: String?
    /// By whom.
    public var author: String?
    /// A free text.
    public var comment: String?
    /// Whether the step changed only the configuration and made no layer.
    public var emptyLayer: Bool

    /// Describes a step.
    public init(
      created: String? = nil, createdBy: String? = nil, author: String? = nil, comment: String? = nil,
      emptyLayer: Bool = false
    ) {
      self.created = created
      self.createdBy = createdBy
      self.author = author
      self.comment = comment
      self.emptyLayer = emptyLayer
    }
  }
}

extension OCI.ImageConfig.History: JSONConvertible {
  /// Reads a step.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      created: try cursor.string("created"), createdBy: try cursor.string("created_by"),
      author: try cursor.string("author"), comment: try cursor.string("comment"),
      emptyLayer: try cursor.bool("empty_layer") ?? false)
  }

  /// The step as an object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("created", created)
    object.add("created_by", createdBy)
    object.add("author", author)
    object.add("comment", comment)
    if emptyLayer { object["empty_layer"] = true }
    return .object(object)
  }
}
