/// What Landlock keeps inside the restricted processes (`landlock(7)`, "Scope flags"; version 6, Linux 6.12).
public struct LandlockScope: OptionSet, Hashable, Sendable {
  /// The bits, `LANDLOCK_SCOPE_*`.
  public let rawValue: UInt64
  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Connect to no abstract unix socket that a process outside has made. Such sockets belong to a network namespace and have
  /// no permissions: a container on the host's network reaches all of the host's.
  public static let abstractUnixSocket = LandlockScope(rawValue: 1 << 0)
  /// Signal no process outside.
  public static let signal = LandlockScope(rawValue: 1 << 1)
  /// Both.
  public static let all: LandlockScope = [.abstractUnixSocket, .signal]

  /// The scopes that a kernel of a version knows.
  public static func known(to abi: LandlockABI) -> LandlockScope { abi.rawValue >= 6 ? .all : [] }
}

extension LandlockScope: CustomStringConvertible {
  /// The kernel's names, `abstract_unix_socket signal`.
  public var description: String {
    [(Self.abstractUnixSocket, "abstract_unix_socket"), (.signal, "signal")].filter { contains($0.0) }.map(\.1)
      .joined(separator: " ")
  }
}
