import CNettle

/// A content digest of the OCI image specification, `sha256:` and 64 lower-case hexadecimal digits.
///
/// A value of this type is well formed, so it can stand in a path.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// The 64 hexadecimal digits.
  public let hexadecimal: String

  /// `sha256:…`.
  public var description: String { "sha256:" + hexadecimal }

  /// The first 12 digits, as lists show a digest.
  public var short: String { String(hexadecimal.prefix(12)) }

  /// Parses `sha256:…` (image-spec descriptor.md#digests).
  ///
  /// - Throws: `INVALID_ARGUMENT` for another algorithm, length or character.
  public init(parsing text: String) throws(ContainrError) {
    let prefix = "sha256:"
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    guard text.hasPrefix(prefix), digits.count == 64,
      digits.allSatisfy({
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      })
    else {
      throw ContainrError(
        .invalidArgument, "reading the digest \"\(text)\"", hint: "sha256: and 64 lower-case hexadecimal digits")
    }
    hexadecimal = String(text.dropFirst(prefix.count))
  }

  fileprivate init(bytes: [UInt8]) { hexadecimal = Hexadecimal.string(bytes) }

  /// The digest of some bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hash = Hash()
    hash.update(Array(bytes))
    self = hash.finalize()
  }

  /// A digest in the making: feed it bytes in any pieces.
  public struct Hash: Sendable {
    private var context = sha256_ctx()

    /// Starts with no bytes.
    public init() { nettle_sha256_init(&context) }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
      guard let base = bytes.baseAddress else { return }
      nettle_sha256_update(&context, bytes.count, base.assumingMemoryBound(to: UInt8.self))
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all bytes so far. The hash starts anew.
    public mutating func finalize() -> Digest {
      var bytes = [UInt8](repeating: 0, count: 32)
      nettle_sha256_digest(&context, bytes.count, &bytes)
      return Digest(bytes: bytes)
    }
  }
}
