import ContainrCore

extension OCI {
  /// A list of manifests, such as the platforms of one image or the images of a layout (image-spec image-index.md; Docker's
  /// manifest list reads the same).
  public struct Index: Hashable, Sendable {
    /// The type the document gives itself; nil where it says nothing.
    public var mediaType: MediaType?
    /// The manifests, and indexes within.
    public var manifests: [Descriptor]
    /// Free names and values.
    public var annotations: [String: String]

    /// Lists manifests.
    public init(mediaType: MediaType? = .index, manifests: [Descriptor] = [], annotations: [String: String] = [:]) {
      self.mediaType = mediaType
      self.manifests = manifests
      self.annotations = annotations
    }

    /// The first manifest for a machine: one that names its platform, otherwise the only one, if it names none.
    public func manifest(for machine: Platform) -> Descriptor? {
      if let match = manifests.first(where: { $0.platform?.runs(on: machine) == true }) { return match }
      return manifests.count == 1 && manifests[0].platform == nil ? manifests[0] : nil
    }
  }
}

extension OCI.Index: JSONConvertible {
  /// Reads an index. A document that could be read as a manifest too, or that calls itself something else, is refused.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    let mediaType = try cursor.documentType(isExpected: \.isIndex, "an image index")
    try cursor.refuse(["config", "layers", "fsLayers", "history", "signatures"], in: "an image index")
    self.init(
      mediaType: mediaType,
      manifests: try cursor.required("manifests").elements().map { cursor throws(ContainrError) in
        try OCI.Descriptor(cursor)
      },
      annotations: try cursor.stringMap("annotations") ?? [:])
  }

  /// The index document.
  public var json: JSON {
    var object = JSON.Object()
    object["schemaVersion"] = 2
    object.add("mediaType", mediaType?.rawValue)
    object["manifests"] = .array(manifests.map(\.json))
    object.add("annotations", annotations)
    return .object(object)
  }
}
