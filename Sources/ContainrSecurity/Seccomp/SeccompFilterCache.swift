import CContainrLinux
import CSeccomp
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// Compiled filters, kept in memory and in a directory, because compiling one costs as much as half a container start.
///
/// A file is named after the SHA-256 of what decides its content: the profile, libseccomp's version and the architecture. It
/// holds a digest of its own content, so one that is torn or altered is compiled anew; so is one that another user could have
/// written. Files appear by rename: a reader never sees half of one.
public final class SeccompFilterCache: Sendable {
  /// Where the filters are. Made when the first one is written, with mode 0700.
  public let directory: FilePath

  private struct State {
    var filters: [String: SeccompFilter] = [:]
    var failure: ContainrError?
    var compilations = 0
  }
  private let state = Mutex(State())

  /// Names a directory.
  public init(directory: FilePath) { self.directory = directory }

  /// Why the last filter could not be read from or written to the directory, where that failed. It costs time and nothing
  /// else: the filter was compiled.
  public var lastFailure: ContainrError? { state.withLock { $0.failure } }

  /// How many filters this value has compiled.
  public var compilations: Int { state.withLock { $0.compilations } }

  /// The filter of a configuration: from memory, from the directory by one open and read, or compiled.
  ///
  /// - Parameters:
  ///   - configuration: what is wanted.
  ///   - capabilities: what the container holds; matters to the default profile and to rules that name capabilities.
  /// - Returns: nil for ``SeccompConfiguration/unconfined``.
  /// - Throws: `SECCOMP` where compiling fails.
  public func filter(
    for configuration: SeccompConfiguration, capabilities: CapabilitySet = .dockerDefault
  ) throws(ContainrError) -> SeccompFilter? {
    var configuration = configuration
    if case .profile(let profile) = configuration, profile.dependsOnPlace || !profile.architectureMap.isEmpty {
      configuration = .profile(try profile.resolved(for: .current(capabilities: capabilities)))
    }
    guard let content = Self.content(of: configuration, capabilities: capabilities) else { return nil }
    let key = Digest(of: content.utf8).hexadecimal
    if let filter = state.withLock({ $0.filters[key] }) { return filter }
    let path = FilePath(directory.string + "/" + key)
    var filter: SeccompFilter
    if let stored = load(path, key: key) {
      filter = stored
    } else {
      switch configuration {
      case .unconfined: return nil
      case .containerDefault: filter = try SeccompFilter(compiling: .containerDefault(for: capabilities))
      case .profile(let profile): filter = try SeccompFilter(compiling: profile)
      }
      state.withLock { $0.compilations += 1 }
      store(filter, at: path, key: key)
    }
    state.withLock {
      // A program with ever new profiles must not grow for ever.
      if $0.filters.count >= 64 { $0.filters.removeAll() }
      $0.filters[key] = filter
    }
    return filter
  }

  /// What decides the compiled bytes, as text. The default profile is not built for this.
  static func content(of configuration: SeccompConfiguration, capabilities: CapabilitySet) -> String? {
    let profile: String
    switch configuration {
    case .unconfined: return nil
    case .containerDefault:
      let gates = capabilities.rawValue & ContainerSystemCalls.gates.rawValue
      profile = "containerDefault \(SeccompProfile.containerDefaultRevision) \(gates)"
    case .profile(let own): profile = "profile\n" + own.canonicalText
    }
    let version = seccomp_version().pointee
    let library = "\(version.major).\(version.minor).\(version.micro)"
    return "\(compilerRevision) \(library) \(SeccompArchitecture.native.rawValue) \(profile)"
  }

  /// To be raised with any change of ``SeccompFilter/init(compiling:for:)``, ``SeccompDispatch`` and ``SystemCallTable``.
  private static let compilerRevision = 2

  // MARK: Files: 8 bytes of magic, 64 hexadecimal digits, flags and instructions

  private static let magic = Array("CTRSBPF2".utf8)
  private static let headerSize = 72

  private static func digits(of stored: ArraySlice<UInt8>, key: String) -> String {
    var hash = Digest.Hash()
    hash.update(Array(key.utf8))
    stored.withUnsafeBytes { hash.update($0) }
    return hash.finalize().hexadecimal
  }

  private func load(_ path: FilePath, key: String) -> SeccompFilter? {
    let result = path.withPlatformString { cl_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0) }
    guard result >= 0 else {
      if result != -ENOENT && result != -ENOTDIR {
        fail(.errno(Errno(rawValue: -result), .ioFailure, "opening the cached seccomp filter \(path)", call: "openat(2)"))
      }
      return nil
    }
    let file = OwnedDescriptor(owning: result)
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o022 == 0,
      status.st_uid == 0 || status.st_uid == geteuid()
    else {
      fail(
        ContainrError(.ioFailure, "reading the cached seccomp filter \(path)", hint: "others can write to it; it is replaced"))
      return nil
    }
    let size = Int(status.st_size)
    let largest = Self.headerSize + SeccompFilter.storedHeaderSize + SeccompFilter.maximumInstructionCount * 8
    guard size > Self.headerSize, size <= largest, size % 8 == 0 else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = max(0, Glibc.read(file.rawValue, buffer.baseAddress, size))
    }
    guard bytes.count == size, bytes.starts(with: Self.magic) else { return nil }
    let stored = bytes[Self.headerSize...]
    guard Self.digits(of: stored, key: key).utf8.elementsEqual(bytes[8..<Self.headerSize]) else { return nil }
    return SeccompFilter(stored: stored)
  }

  private func store(_ filter: SeccompFilter, at path: FilePath, key: String) {
    let stored = filter.stored
    let content = Self.magic + Array(Self.digits(of: stored[...], key: key).utf8) + stored
    do {
      try FileTree.makeDirectories(directory)
      // Not durable: what a power failure leaves is checked by its digest.
      try FileContents.replace(path, with: content, mode: 0o600, durable: false)
      state.withLock { $0.failure = nil }
    } catch {
      fail(error)
    }
  }

  private func fail(_ error: ContainrError) { state.withLock { $0.failure = error } }
}
