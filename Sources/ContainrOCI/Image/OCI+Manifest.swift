import ContainrCore

extension OCI {
  /// One image: its configuration and its layers, base first (image-spec manifest.md; Docker's schema 2 reads the same).
  public struct Manifest: Hashable, Sendable {
    /// The type the document gives itself; nil where it says nothing.
    public var mediaType: MediaType?
    /// The configuration.
    public var config: Descriptor
    /// The layers, base first.
    public var layers: [Descriptor]
    /// What the content is when it is not a container image.
    public var artifactType: String?
    /// The manifest that this one is about, such as the signed image.
    public var subject: Descriptor?
    /// Free names and values.
    public var annotations: [String: String]

    /// Describes an image.
    public init(
      mediaType: MediaType? = .manifest, config: Descriptor, layers: [Descriptor], artifactType: String? = nil,
      subject: Descriptor? = nil, annotations: [String: String] = [:]
    ) {
      self.mediaType = mediaType
      self.config = config
      self.layers = layers
      self.artifactType = artifactType
      self.subject = subject
      self.annotations = annotations
    }
  }
}

extension OCI.Manifest: JSONConvertible {
  /// Reads a manifest.
  ///
  /// A document that could be read as an index too, or that calls itself something else, is refused: two readers must
  /// never see two images under one digest.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    let mediaType = try cursor.documentType(isExpected: \.isManifest, "an image manifest")
    try cursor.refuse(["manifests", "fsLayers", "history", "signatures"], in: "an image manifest")
    self.init(
      mediaType: mediaType,
      config: try OCI.Descriptor(cursor.required("config")),
      layers: try cursor.required("layers").elements().map { cursor throws(ContainrError) in try OCI.Descriptor(cursor) },
      artifactType: try cursor.string("artifactType"),
      subject: try cursor.member("subject").map { cursor throws(ContainrError) in try OCI.Descriptor(cursor) },
      annotations: try cursor.stringMap("annotations") ?? [:])
  }

  /// The manifest document.
  public var json: JSON {
    var object = JSON.Object()
    object["schemaVersion"] = 2
    object.add("mediaType", mediaType?.rawValue)
    object.add("artifactType", artifactType)
    object["config"] = config.json
    object["layers"] = .array(layers.map(\.json))
    if let subject { object["subject"] = subject.json }
    object.add("annotations", annotations)
    return .object(object)
  }
}

extension JSON.Cursor {
  /// Checks `schemaVersion` and `mediaType` of a manifest or index.
  func documentType(
    isExpected: (OCI.MediaType) -> Bool, _ name: String
  ) throws(ContainrError) -> OCI.MediaType? {
    let version = try required("schemaVersion")
    guard try version.integer(Int64.self) == 2 else { throw version.invalid("only schema version 2 is known") }
    guard let member = try member("mediaType") else { return nil }
    let mediaType = OCI.MediaType(rawValue: try member.string())
    guard isExpected(mediaType) else { throw member.invalid("\(mediaType) is not the type of \(name)") }
    return mediaType
  }

  /// Throws where one of the keys is there: they belong to another kind of document.
  func refuse(_ keys: [String], in name: String) throws(ContainrError) {
    for key in keys where try has(key) {
      throw invalid("the key \"\(key)\" does not belong into \(name): the document is ambiguous")
    }
  }
}
