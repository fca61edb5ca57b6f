/// Rights on TCP ports that Landlock can deny (`landlock(7)`, "Network flags"; version 4, Linux 6.7).
public struct LandlockNetworkAccess: OptionSet, Hashable, Sendable {
  /// The bits, `LANDLOCK_ACCESS_NET_*`.
  public let rawValue: UInt64
  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Bind a TCP socket to a local port.
  public static let bindTCP = LandlockNetworkAccess(rawValue: 1 << 0)
  /// Connect a TCP socket to a remote port.
  public static let connectTCP = LandlockNetworkAccess(rawValue: 1 << 1)
  /// Both.
  public static let all: LandlockNetworkAccess = [.bindTCP, .connectTCP]

  /// The rights that a kernel of a version knows.
  public static func known(to abi: LandlockABI) -> LandlockNetworkAccess { abi.rawValue >= 4 ? .all : [] }
}

extension LandlockNetworkAccess: CustomStringConvertible {
  /// The kernel's names, `bind_tcp connect_tcp`.
  public var description: String {
    [(Self.bindTCP, "bind_tcp"), (.connectTCP, "connect_tcp")].filter { contains($0.0) }.map(\.1).joined(separator: " ")
  }
}
