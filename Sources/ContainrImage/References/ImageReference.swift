import ContainrCore

/// The name of an image, as Docker writes it: `[registry/]repository[:tag][@digest]`.
///
/// `busybox`, `library/busybox` and `docker.io/library/busybox:latest` are one value.
public struct ImageReference: Hashable, Sendable {
  /// The registry's host, with a port where one is named; `docker.io` by default.
  public let registry: String
  /// The repository's path in the registry, `library/busybox`.
  public let repository: String
  /// The tag. `latest` by default, unless there is a digest.
  public let tag: String?
  /// The digest of the manifest.
  public let digest: Digest?

  /// Docker's registry, which short names mean.
  public static let defaultRegistry = "docker.io"
  private static let officialPrefix = "library/"

  /// Parses a reference.
  ///
  /// The part before the first slash is a registry when it has a dot or a colon or is `localhost`, as in Docker.
  ///
  /// - Throws: `IMAGE_REFERENCE` for anything that Docker's grammar refuses, capital letters in the repository for example.
  public init(_ text: String) throws(ContainrError) {
    var rest = Substring(text)
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      do throws(ContainrError) { digest = try Digest(parsing: String(rest[rest.index(after: at)...])) } catch {
        throw Self.malformed(text, "the part after @ is not a digest", cause: error)
      }
      rest = rest[..<at]
    }
    var tag: String?
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    var registry = Self.defaultRegistry
    if let slash = rest.firstIndex(of: "/"), Self.isRegistry(rest[..<slash]) {
      registry = String(rest[..<slash])
      rest = rest[rest.index(after: slash)...]
      guard Self.isHost(registry) else {
        throw Self.malformed(text, "\"\(registry)\" is not a host name with an optional port")
      }
    }
    // Docker Hub's other name.
    if registry == "index.docker.io" { registry = Self.defaultRegistry }
    let components = rest.split(separator: "/", omittingEmptySubsequences: false)
    guard components.allSatisfy({ Self.isPathComponent($0.utf8) }), rest.utf8.count <= 255 else {
      throw Self.malformed(text, "a repository is lower-case letters, digits, and . _ - between them, with / between parts")
    }
    if let tag, !Self.isTag(tag.utf8) {
      throw Self.malformed(text, "a tag is 1 to 128 of a-z A-Z 0-9 _ . - and starts with no . or -")
    }
    self.registry = registry
    let isOfficial = registry == Self.defaultRegistry && components.count == 1
    repository = (isOfficial ? Self.officialPrefix : "") + rest
    self.tag = tag ?? (digest == nil ? "latest" : nil)
    self.digest = digest
  }

  /// A name of this package's own.
  init(trusted repository: String, tag: String) {
    registry = Self.defaultRegistry
    self.repository = repository
    self.tag = tag
    digest = nil
  }

  /// The repository as people write it: without Docker's registry and its `library/`.
  public var familiarName: String {
    guard registry == Self.defaultRegistry else { return registry + "/" + repository }
    guard repository.hasPrefix(Self.officialPrefix) else { return repository }
    let short = repository.dropFirst(Self.officialPrefix.count)
    return short.contains("/") ? repository : String(short)
  }

  /// The reference with nothing left out: `docker.io/library/busybox:latest`.
  public var canonical: String { registry + "/" + repository + suffix }

  private var suffix: String { (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "") }

  private static func malformed(_ text: String, _ hint: String, cause: (any Error)? = nil) -> ContainrError {
    let shown = text.unicodeScalars.prefix(200).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }.joined()
    return ContainrError(.imageReference, "reading the image reference \"\(shown)\"", hint: hint, cause: cause)
  }

  // MARK: Grammar

  private static func isRegistry(_ part: Substring) -> Bool {
    part.contains(".") || part.contains(":") || part == "localhost"
  }

  private static func isHost(_ text: String) -> Bool {
    if text.hasPrefix("[") { return isBracketedAddress(text) }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.count == 1 || isPort(parts[1]) else { return false }
    return parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      let bytes = label.utf8
      guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
      return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
  }

  private static func isBracketedAddress(_ text: String) -> Bool {
    guard let end = text.firstIndex(of: "]") else { return false }
    let address = text[text.index(after: text.startIndex)..<end]
    let port = text[text.index(after: end)...]
    guard !address.isEmpty, address.utf8.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") }) else { return false }
    return port.isEmpty || (port.hasPrefix(":") && isPort(port.dropFirst()))
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.utf8.allSatisfy(isDigit) && (UInt16(text) ?? 0) > 0
  }

  /// Lower-case letters and digits, with one `.`, one or two `_`, or any number of `-` between them.
  private static func isPathComponent(_ bytes: Substring.UTF8View) -> Bool {
    guard let first = bytes.first, let last = bytes.last, isLowerAlphanumeric(first), isLowerAlphanumeric(last) else {
      return false
    }
    var separator: [UInt8] = []
    for byte in bytes {
      if isLowerAlphanumeric(byte) {
        guard separator.isEmpty || isSeparator(separator) else { return false }
        separator.removeAll(keepingCapacity: true)
      } else {
        separator.append(byte)
      }
    }
    return true
  }

  private static func isSeparator(_ bytes: [UInt8]) -> Bool {
    bytes == [UInt8(ascii: ".")] || bytes == [UInt8(ascii: "_")] || bytes == [UInt8(ascii: "_"), UInt8(ascii: "_")]
      || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
  }

  private static func isTag(_ bytes: String.UTF8View) -> Bool {
    guard (1...128).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) || first == UInt8(ascii: "_") else {
      return false
    }
    return bytes.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLowerAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}

extension ImageReference: CustomStringConvertible {
  /// The reference as people write it, with its tag: `containr/busybox:latest`.
  public var description: String { familiarName + suffix }
}
