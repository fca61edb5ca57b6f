import ContainrCore

/// Allows or denies access to device nodes (`cgroup-v1/devices.rst`, `runtime-spec config-linux.md#allowed-device-list`).
public struct DeviceRule: Sendable, Hashable {
  /// The kind of device.
  public enum Kind: String, Sendable, Hashable {
    /// Character and block devices, `a`.
    case all = "a"
    /// Character devices, `c`.
    case character = "c"
    /// Block devices, `b`.
    case block = "b"
  }

  /// What is done with a device.
  public struct Access: OptionSet, Sendable, Hashable {
    /// The bits are those of `BPF_DEVCG_ACC_*`.
    public let rawValue: UInt32
    /// Makes a set from its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// `mknod(2)`.
    public static let mknod = Access(rawValue: 1)
    /// Opening for reading.
    public static let read = Access(rawValue: 2)
    /// Opening for writing.
    public static let write = Access(rawValue: 4)
    /// Everything.
    public static let all: Access = [.read, .write, .mknod]
  }

  /// Whether it allows.
  public var allow: Bool
  /// The kind of device.
  public var kind: Kind
  /// The major number; nil is every one.
  public var major: UInt32?
  /// The minor number; nil is every one.
  public var minor: UInt32?
  /// What is allowed or denied.
  public var access: Access

  /// Describes a rule.
  public init(allow: Bool, _ kind: Kind = .all, _ major: UInt32? = nil, _ minor: UInt32? = nil, access: Access = .all) {
    self.allow = allow
    self.kind = kind
    self.major = major
    self.minor = minor
    self.access = access
  }

  /// What a default container may use: every node may be made; null, zero, full, random, urandom, tty, console, ptmx and
  /// the pseudo-terminals may be used.
  ///
  /// Making a node gives no access to its device, and package managers in a container make nodes.
  public static let containerDefaults: [DeviceRule] = [
    DeviceRule(allow: true, .character, access: .mknod),
    DeviceRule(allow: true, .block, access: .mknod),
    DeviceRule(allow: true, .character, 1, 3),
    DeviceRule(allow: true, .character, 1, 5),
    DeviceRule(allow: true, .character, 1, 7),
    DeviceRule(allow: true, .character, 1, 8),
    DeviceRule(allow: true, .character, 1, 9),
    DeviceRule(allow: true, .character, 5, 0),
    DeviceRule(allow: true, .character, 5, 1),
    DeviceRule(allow: true, .character, 5, 2),
    DeviceRule(allow: true, .character, 136),
  ]

  /// Everything, as a privileged container has it.
  public static let everything: [DeviceRule] = [DeviceRule(allow: true)]
}

extension DeviceRule: CustomStringConvertible {
  /// The form of `devices.list` after the verb: `allow c 1:3 rwm`.
  public var description: String { (allow ? "allow " : "deny ") + entry }

  /// The form of `devices.list`: `c 136:* rwm`.
  var entry: String {
    "\(kind.rawValue) \(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*") "
      + (access.contains(.read) ? "r" : "") + (access.contains(.write) ? "w" : "") + (access.contains(.mknod) ? "m" : "")
  }
}
