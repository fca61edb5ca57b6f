/// Rights on files and directories that Landlock can deny (`landlock(7)`, "Filesystem actions").
///
/// They are asked for when a file is opened: a descriptor that is open already keeps what it can do.
public struct LandlockFileAccess: OptionSet, Hashable, Sendable {
  /// The bits, `LANDLOCK_ACCESS_FS_*`.
  public let rawValue: UInt64
  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Execute a file.
  public static let execute = LandlockFileAccess(rawValue: 1 << 0)
  /// Open a file for writing.
  public static let writeFile = LandlockFileAccess(rawValue: 1 << 1)
  /// Open a file for reading.
  public static let readFile = LandlockFileAccess(rawValue: 1 << 2)
  /// Open a directory, or list it.
  public static let readDirectory = LandlockFileAccess(rawValue: 1 << 3)
  /// Remove an empty directory, or rename one.
  public static let removeDirectory = LandlockFileAccess(rawValue: 1 << 4)
  /// Unlink or rename a file.
  public static let removeFile = LandlockFileAccess(rawValue: 1 << 5)
  /// Make a character device.
  public static let makeCharacterDevice = LandlockFileAccess(rawValue: 1 << 6)
  /// Make a directory.
  public static let makeDirectory = LandlockFileAccess(rawValue: 1 << 7)
  /// Make a regular file.
  public static let makeFile = LandlockFileAccess(rawValue: 1 << 8)
  /// Make a socket of the unix domain.
  public static let makeSocket = LandlockFileAccess(rawValue: 1 << 9)
  /// Make a named pipe.
  public static let makeFIFO = LandlockFileAccess(rawValue: 1 << 10)
  /// Make a block device.
  public static let makeBlockDevice = LandlockFileAccess(rawValue: 1 << 11)
  /// Make a symbolic link.
  public static let makeSymbolicLink = LandlockFileAccess(rawValue: 1 << 12)
  /// Link or rename a file from one directory to another (version 2). A kernel of version 1 always denies that to a process
  /// under any rule about files.
  public static let refer = LandlockFileAccess(rawValue: 1 << 13)
  /// Truncate a file (version 3).
  public static let truncate = LandlockFileAccess(rawValue: 1 << 14)
  /// Send an ioctl to a device (version 5), save those that work on every file.
  public static let controlDevice = LandlockFileAccess(rawValue: 1 << 15)

  /// To look at files and directories.
  public static let read: LandlockFileAccess = [.readFile, .readDirectory]
  /// To change files and what directories hold, without devices.
  public static let write: LandlockFileAccess = [
    .writeFile, .removeDirectory, .removeFile, .makeDirectory, .makeFile, .makeSocket, .makeFIFO, .makeSymbolicLink, .refer,
    .truncate,
  ]
  /// The rights that mean something for a file that is no directory.
  public static let ofFiles: LandlockFileAccess = [.execute, .writeFile, .readFile, .truncate, .controlDevice]
  /// Every right that this version of the library knows.
  public static let all = LandlockFileAccess(rawValue: 1 << 16 - 1)

  /// The rights that a kernel of a version knows.
  public static func known(to abi: LandlockABI) -> LandlockFileAccess {
    switch abi.rawValue {
    case ..<1: []
    case 1: LandlockFileAccess(rawValue: 1 << 13 - 1)
    case 2: LandlockFileAccess(rawValue: 1 << 14 - 1)
    case 3, 4: LandlockFileAccess(rawValue: 1 << 15 - 1)
    default: all
    }
  }
}

extension LandlockFileAccess: CustomStringConvertible {
  private static let names = [
    "execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char", "make_dir", "make_reg",
    "make_sock", "make_fifo", "make_block", "make_sym", "refer", "truncate", "ioctl_dev",
  ]
  /// The kernel's names, `read_file read_dir`.
  public var description: String {
    Self.names.indices.filter { rawValue >> UInt64($0) & 1 != 0 }.map { Self.names[$0] }.joined(separator: " ")
  }
}
