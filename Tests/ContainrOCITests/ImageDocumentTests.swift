import ContainrCore
import ContainrOCI
import Testing

private let digits = String(repeating: "ab", count: 32)

private let manifestText = """
  {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
  "application/vnd.oci.image.config.v1+json","digest":"sha256:\(digits)","size":7},"layers":[{"mediaType":\
  "application/vnd.oci.image.layer.v1.tar+zstd","digest":"sha256:\(digits)","size":9223372036854775807}],\
  "annotations":{"a":"1","b":"2"}}
  """

private func parse<Document: JSONConvertible>(_ type: Document.Type, _ text: String) throws -> Document {
  try Document(parsing: Array(text.utf8), as: "the document")
}

@Suite struct ManifestTests {
  @Test func readsAndWritesTheSameBytes() throws {
    let manifest = try parse(OCI.Manifest.self, manifestText)
    #expect(manifest.layers[0].mediaType == .layerZstd)
    #expect(manifest.layers[0].size.bytes == UInt64(Int64.max))
    #expect(manifest.annotations == ["a": "1", "b": "2"])
    #expect(try manifest.json.text() == manifestText)
  }

  @Test func readsDockersSchemaTwo() throws {
    let text = """
      {"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":
      "application/vnd.docker.container.image.v1+json","size":1,"digest":"sha256:\(digits)"},"layers":[{"mediaType":
      "application/vnd.docker.image.rootfs.diff.tar.gzip","size":2,"digest":"sha256:\(digits)","urls":["x"]}],"new":1}
      """
    let manifest = try parse(OCI.Manifest.self, text)
    #expect(manifest.mediaType == .dockerManifest)
    #expect(manifest.config.mediaType.isConfig)
    #expect(manifest.layers.filter { !$0.mediaType.isLayer }.isEmpty)
  }

  @Test(
    "CVE-2021-41190: a document that is a manifest and an index is refused as both",
    arguments: [
      "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
      "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",", "",
    ])
  func ambiguousDocument(mediaType: String) {
    let text = """
      {"schemaVersion":2,\(mediaType)"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":
      "sha256:\(digits)","size":1},"layers":[],"manifests":[]}
      """
    #expect(throws: ContainrError.self) { try parse(OCI.Manifest.self, text) }
    #expect(throws: ContainrError.self) { try parse(OCI.Index.self, text) }
  }

  @Test func refusesAMediaTypeThatContradictsTheContent() throws {
    let index = manifestText.replacing("image.manifest.v1", with: "image.index.v1")
    let error = #expect(throws: ContainrError.self) { try parse(OCI.Manifest.self, index) }
    #expect(error?.code == .imageInvalid)
    #expect(error?.fields["path"] == "$.mediaType")
    let list = #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#
    #expect(throws: ContainrError.self) { try parse(OCI.Index.self, list) }
  }

  @Test(
    arguments: [
      ("\"schemaVersion\":2", "\"schemaVersion\":1", "$.schemaVersion"), ("\"schemaVersion\":2,", "", "$"),
      ("\"size\":7", "\"size\":-7", "$.config.size"), ("\"size\":7", "\"size\":\"7\"", "$.config.size"),
      ("\"size\":7", "\"size\":7.0", "$.config.size"), ("9223372036854775807", "9223372036854775808", "$.layers[0].size"),
      ("sha256:", "sha512:", "$.config.digest"), (digits, "../" + digits.dropFirst(3), "$.config.digest"),
      ("\"b\":\"2\"", "\"b\":2", "$.annotations.b"), ("\"layers\"", "\"Layers\"", "$"),
    ])
  func namesThePathOfAFault(good: String, bad: String, path: String) {
    let error = #expect(throws: ContainrError.self) { try parse(OCI.Manifest.self, manifestText.replacing(good, with: bad)) }
    #expect(error?.code == .imageInvalid)
    #expect(error?.fields["path"] == path)
  }
}

@Suite struct IndexTests {
  private func index(_ platforms: [OCI.Platform?]) throws -> OCI.Index {
    OCI.Index(
      manifests: platforms.enumerated().map {
        OCI.Descriptor(mediaType: .manifest, digest: Digest(of: [UInt8($0)]), size: 1, platform: $1)
      })
  }

  @Test func choosesTheMachinesManifest() throws {
    let unknown = OCI.Platform(architecture: "unknown", os: "unknown")
    let index = try index([
      unknown, .init(architecture: "arm64", variant: "v8"), .init(architecture: "amd64", os: "windows"),
      .init(architecture: "amd64"),
    ])
    #expect(index.manifest(for: .init(architecture: "amd64")) == index.manifests[3])
    #expect(index.manifest(for: .init(architecture: "arm64", variant: "v8")) == index.manifests[1])
    #expect(index.manifest(for: .init(architecture: "riscv64")) == nil)
    #expect(try self.index([nil]).manifest(for: .current) != nil)
    #expect(try self.index([nil, nil]).manifest(for: .current) == nil)
  }

  @Test func readsWhatItWrites() throws {
    let index = try index([.init(architecture: "arm64", variant: "v8"), nil])
    #expect(try OCI.Index(parsing: index.json.serialized(pretty: true), as: "index.json") == index)
  }
}

@Suite struct ImageConfigTests {
  private let text = """
    {"created":"2024-01-02T03:04:05Z","architecture":"amd64","os":"linux","config":{"User":"1000:100","ExposedPorts":{"80/tcp":{}},
    "Env":["PATH=/bin","EMPTY="],"Entrypoint":["/init"],"Cmd":["run"],"Volumes":{"/data":{},"/a":{}},"WorkingDir":"/srv",
    "Labels":{"x":"y"},"StopSignal":"SIGINT","OnBuild":null,"ArgsEscaped":true},"rootfs":{"type":"layers","diff_ids":
    ["sha256:\(digits)","sha256:\(digits)","sha256:\(digits)"]},"history":[{"created_by":"a","empty_layer":true},{"comment":"c"}]}
    """

  @Test func readsHowAnImageWantsToRun() throws {
    let config = try parse(OCI.ImageConfig.self, text)
    #expect(config.config.user == "1000:100")
    #expect(config.config.environment == ["PATH=/bin", "EMPTY="])
    #expect(config.config.entrypoint + config.config.command == ["/init", "run"])
    #expect(config.config.volumes == ["/a", "/data"])
    #expect(config.config.exposedPorts == ["80/tcp"])
    #expect(config.config.workingDirectory == "/srv")
    #expect(config.config.stopSignal == "SIGINT")
    #expect(config.config.labels == ["x": "y"])
    #expect(config.history.map(\.emptyLayer) == [true, false])
    #expect(try OCI.ImageConfig(parsing: config.json.serialized(), as: "copy") == config)
  }

  @Test func takesNullsOfGoProgramsAsMissing() throws {
    let text = """
      {"architecture":"amd64","os":"linux","config":{"User":"","Env":null,"Cmd":null,"Volumes":null,"Labels":null,"WorkingDir":""},
      "rootfs":{"type":"layers","diff_ids":null},"history":null}
      """
    #expect(try parse(OCI.ImageConfig.self, text).config == OCI.ImageConfig.Execution())
  }

  @Test func namesStacksOfLayersAsTheSpecificationDoes() throws {
    let config = try parse(OCI.ImageConfig.self, text)
    let first = config.diffIDs[0]
    let second = Digest(of: "\(first) \(first)".utf8)
    #expect(config.chainIDs == [first, second, Digest(of: "\(second) \(first)".utf8)])
  }

  @Test(
    "CVE-2022-23648: a volume that leaves the root is refused",
    arguments: ["/../../etc", "relative", "", "/a/..", "/a\\u0000b"])
  func volumes(path: String) {
    let error = #expect(throws: ContainrError.self) {
      try parse(OCI.ImageConfig.self, text.replacing("/data", with: path))
    }
    #expect(error?.fields["path"] == "$.config.Volumes")
  }

  @Test(arguments: ["NOVALUE", "=x", "A=\\u0000"])
  func refusesAnEnvironmentEntryWithoutAName(entry: String) {
    let error = #expect(throws: ContainrError.self) { try parse(OCI.ImageConfig.self, text.replacing("EMPTY=", with: entry)) }
    #expect(error?.fields["path"] == "$.config.Env[1]")
  }

  @Test func refusesAManifestInItsPlace() {
    #expect(throws: ContainrError.self) { try parse(OCI.ImageConfig.self, manifestText) }
  }
}
