import ContainrArchive
import ContainrOCI

extension Compression {
  /// The type of a layer that is compressed so; nil where OCI has none for it.
  var layerType: OCI.MediaType? {
    switch self {
    case .none: .layer
    case .gzip: .layerGzip
    case .zstd: .layerZstd
    case .other: nil
    }
  }
}
