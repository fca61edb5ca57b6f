import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrOCI
import ContainrSecurity
import Glibc
import SystemPackage

/// A kind of document that strangers write, and what must hold whatever is in it.
///
/// Refusing is always right. The attack tests feed each kind with its seeds and with mutations of them.
public enum FuzzedDocument: String, CaseIterable, Sendable {
  /// An OCI runtime configuration, `config.json`.
  case runtime
  /// A seccomp profile in the OCI's or Docker's form.
  case seccomp
  /// An image's `/etc/passwd`, then a NUL byte, then its `/etc/group`.
  case users
  /// A layer.
  case tar
  /// A manifest, an index, an image configuration: each document is read as all of them.
  case image

  /// What must not happen did.
  public struct Finding: Error, CustomStringConvertible {
    /// What happened.
    public let description: String
  }

  /// Reads a document.
  ///
  /// - Returns: whether it was accepted.
  /// - Throws: ``Finding``, and what the machine lacks.
  @discardableResult
  public func read(_ bytes: [UInt8]) throws -> Bool {
    switch self {
    case .runtime:
      guard let spec = try Self.roundTrip(OCI.RuntimeSpec.self, bytes, code: .invalidConfiguration) else { return false }
      return try Self.accepts { () throws(ContainrError) in try spec.validate() }
    case .seccomp: return try Self.readSeccomp(bytes)
    case .users: return try Self.readUsers(bytes)
    case .tar: return try Self.unpack(bytes)
    case .image:
      let accepted = [
        try Self.roundTrip(OCI.Manifest.self, bytes) != nil, try Self.roundTrip(OCI.Index.self, bytes) != nil,
      ]
      let isConfig = try Self.roundTrip(OCI.ImageConfig.self, bytes) != nil
      // CVE-2021-41190
      guard accepted != [true, true] else { throw Finding(description: "one document is a manifest and an index") }
      return isConfig || accepted.contains(true)
    }
  }

  private static func accepts(_ body: () throws(ContainrError) -> Void) throws -> Bool {
    do throws(ContainrError) {
      try body()
      return true
    } catch {
      guard error.code != .internalError, !error.description.isEmpty else { throw Finding(description: "\(error)") }
      return false
    }
  }

  /// Reads a document, writes it, and reads that: what was accepted once means the same afterwards.
  private static func roundTrip<Document: JSONConvertible & Equatable>(
    _ type: Document.Type, _ bytes: [UInt8], code: ContainrError.Code = .imageInvalid
  ) throws -> Document? {
    var first: Document?
    _ = try accepts { () throws(ContainrError) in first = try Document(parsing: bytes, as: "it", code: code) }
    guard let first else { return nil }
    do {
      let written = try first.json.serialized()
      let second = try Document(parsing: written, as: "it", code: code)
      guard second == first else {
        throw Finding(description: "\(type) is another after writing: \(String(decoding: written, as: UTF8.self))")
      }
    } catch let error as ContainrError { throw Finding(description: "\(type) cannot be read again: \(error)") }
    return first
  }

  private static func readSeccomp(_ bytes: [UInt8]) throws -> Bool {
    var profile: SeccompProfile?
    let isRead = try accepts { () throws(ContainrError) in
      profile = try SeccompProfile(json: try JSON(parsing: bytes, as: "it", code: .seccomp))
    }
    guard isRead, let profile else { return false }
    return try accepts { () throws(ContainrError) in
      let environment = try SeccompEnvironment.current()
      _ = try SeccompFilter(compiling: profile, for: environment)
      for number in [0, 41, 56, 101, 272, 435, 1 << 30] as [UInt32] {
        _ = try profile.explain(number: number, arguments: [0, 1 << 40, 38], in: environment)
      }
    }
  }

  private static func readUsers(_ bytes: [UInt8]) throws -> Bool {
    let files = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    var database: UserDatabase?
    let isRead = try accepts { () throws(ContainrError) in
      database = try UserDatabase(passwd: Array(files[0]), group: files.count > 1 ? Array(files[1]) : [])
    }
    guard isRead, let database else { return false }
    var found = false
    let named = files[0].split(separator: UInt8(ascii: "\n")).prefix(8).map {
      String(decoding: $0.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
    }
    for text in ["root", "0", "1000", "alice:staff", "4294967295"] + named {
      found =
        try accepts { () throws(ContainrError) in
          let identity = try database.identity(of: UserSpecification(parsing: text))
          // CVE-2024-40635, CVE-2026-30892: beyond 2³¹ − 1 there is no id, and 0 is root's, not that of what cannot be read.
          guard identity.uid <= UInt32(Int32.max), identity.gid <= UInt32(Int32.max) else {
            throw ContainrError(.internalError, "looking \(text) up", hint: "\(identity)")
          }
          let zero = files[0].split(separator: UInt8(ascii: "\n")).contains {
            String(decoding: $0, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false).dropFirst(2).first
              .map { !$0.isEmpty && $0.allSatisfy { $0 == "0" } } ?? false
          }
          guard identity.uid != 0 || text == "0" || zero || UInt32(text) == 0 else {
            throw ContainrError(.internalError, "looking \(text) up", hint: "it became root")
          }
        } || found
    }
    return found
  }

  /// Unpacks a layer beside a canary.
  private static func unpack(_ bytes: [UInt8]) throws -> Bool {
    let directory = FilePath("/dev/shm/containr-fuzz-\(getpid())")
    if access(directory.string, F_OK) == 0 { try FileTree.remove(directory) }
    try FileTree.makeDirectories(directory.appending("layer"))
    defer { _ = Result { try FileTree.remove(directory) } }
    try FileContents.replace(directory.appending("canary"), with: "canary".utf8, durable: false)
    try FileContents.replace(directory.appending("tar"), with: bytes, durable: false)
    let limits = UnpackLimits(
      totalSize: .mebibytes(4), fileSize: .mebibytes(2), entries: 1000, pathDepth: 16, compressionRatio: 400,
      time: .seconds(5))
    let accepted = try accepts { () throws(ContainrError) in
      let blob = try OwnedDescriptor.open(directory.appending("tar"), flags: O_RDONLY)
      let layer = try OwnedDescriptor.open(directory.appending("layer"), flags: O_RDONLY | O_DIRECTORY)
      let outcome = try LayerUnpacker.unpack(blob, named: "it", into: layer, limits: limits)
      guard outcome.entries <= limits.entries, outcome.size.bytes <= limits.totalSize.bytes else {
        throw ContainrError(.internalError, "unpacking", hint: "past its limits")
      }
    }
    guard Set(try FileTree.names(in: directory)) == ["canary", "layer", "tar"],
      try FileContents.text(directory.appending("canary")) == "canary"
    else { throw Finding(description: "the layer reached outside") }
    return accepted
  }
}
