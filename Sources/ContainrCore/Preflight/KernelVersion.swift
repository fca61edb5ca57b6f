import Glibc

/// A version of the Linux kernel: the three numbers at the start of what `uname -r` prints.
public struct KernelVersion: Hashable, Comparable, Sendable {
  /// The first number, 6 in 6.18.44.
  public let major: Int
  /// The second number.
  public let minor: Int
  /// The third number, 0 where there is none.
  public let patch: Int

  /// Makes a version, `KernelVersion(5, 6)`.
  public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Reads a release, `6.1.0-13-amd64`; whatever follows the numbers is the distribution's and says nothing here.
  ///
  /// - Throws: `INVALID_ARGUMENT` where two numbers with a dot between them are not at the start.
  public init(parsing release: String) throws(ContainrError) {
    var numbers: [Int] = []
    var rest = Substring(release).utf8
    while numbers.count < 3 {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let number = Int(Substring(digits)) else { break }
      numbers.append(number)
      rest = rest.dropFirst(digits.count)
      guard rest.first == UInt8(ascii: ".") else { break }
      rest = rest.dropFirst()
    }
    guard numbers.count >= 2 else {
      throw ContainrError(
        .invalidArgument, "reading the kernel release \"\(release)\"", hint: "a release such as 6.1.0-13-amd64")
    }
    self.init(numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0)
  }

  /// The running kernel's, from uname(2). One cheap system call.
  ///
  /// - Throws: `INVALID_ARGUMENT` where the release does not start with numbers.
  public static func current() throws(ContainrError) -> KernelVersion { try KernelVersion(parsing: release()) }

  /// The running kernel's release as `uname -r` prints it.
  package static func release() -> String { uname { $0.release } }

  /// The running kernel's architecture as `uname -m` prints it.
  package static func machine() -> String { uname { $0.machine } }

  private static func uname<Field>(_ field: (utsname) -> Field) -> String {
    var names = utsname()
    Glibc.uname(&names)
    return withUnsafeBytes(of: field(names)) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// Orders by the three numbers.
  public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}

extension KernelVersion: CustomStringConvertible {
  /// `6.18.44`; without a third number where it is 0: `5.6`.
  public var description: String { patch == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(patch)" }
}
