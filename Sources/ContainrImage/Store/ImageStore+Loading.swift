import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

extension ImageStore {
  /// Loads the images of an OCI layout (a directory or a tar) or of a docker-archive (`docker save`), whichever it is.
  ///
  /// Every digest and size is checked, and the layers are unpacked and checked against their diff ids, before anything
  /// appears in the store. Of an image for several platforms, this machine's is taken. An image without a full name gets
  /// one from the file's name and its tag.
  ///
  /// - Parameters:
  ///   - path: the directory or archive.
  ///   - reference: the image's name in the store, instead of its own. Only where there is one image.
  /// - Returns: the images, in the order of the archive.
  /// - Throws: `IMAGE_INVALID`, `DIGEST_MISMATCH`, `LAYER_INVALID`, `IMAGE_NOT_FOUND` where no image is for this machine,
  ///   `INVALID_ARGUMENT` for one name and several images, `IO_FAILURE`, `RESOURCE_EXHAUSTED`.
  @discardableResult
  public func load(_ path: FilePath, as reference: ImageReference? = nil) throws(ContainrError) -> [ResolvedImage] {
    var transaction = try StoreTransaction(self)
    var status = stat()
    guard stat(path.string, &status) == 0 else {
      throw .errno(.current, .ioFailure, "loading \(path)", call: "stat(2)")
    }
    let source: any LayoutSource =
      status.st_mode & S_IFMT == S_IFDIR
      ? try LayoutDirectory(path) : try LayoutArchive(path, limits: limits, into: &transaction)
    var loader = ImageLoader(store: self, source: source, fallbackName: Self.name(from: path))
    if let index = try source.file("index.json", in: transaction) {
      try loader.loadLayout(index, into: &transaction)
    } else if let manifest = try source.file("manifest.json", in: transaction) {
      try loader.loadDockerArchive(manifest, into: &transaction)
    } else {
      throw ContainrError(
        .imageInvalid, "loading \(path)",
        hint: "it has neither index.json (an OCI layout) nor manifest.json (docker save); a root file system is imported")
    }
    let images = try loader.named(reference)
    transaction.keepBlobs(loader.usedBlobs)
    for image in loader.images { try transaction.unpackLayers(of: image.manifest, image.config) }
    try transaction.commit(images)
    var result: [ResolvedImage] = []
    for (reference, _) in images { result.append(try resolve(reference)) }
    return result
  }

  /// A repository name out of a file name: `Debian 12.tar.gz` gives `debian-12`.
  private static func name(from path: FilePath) -> String {
    var stem = path.lastComponent?.string.lowercased() ?? ""
    for suffix in [".gz", ".zst", ".xz", ".bz2", ".tgz", ".tar"] where stem.hasSuffix(suffix) {
      stem.removeLast(suffix.count)
    }
    let parts = stem.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return parts.isEmpty ? "loaded" : parts.joined(separator: "-")
  }
}
