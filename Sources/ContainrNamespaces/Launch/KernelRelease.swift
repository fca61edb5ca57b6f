import Glibc

/// The version of the running kernel (uname(2)).
struct KernelRelease: CustomStringConvertible {
  let major: Int
  let minor: Int

  static let current: KernelRelease = {
    var names = utsname()
    uname(&names)
    let text = withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return KernelRelease(text)
  }()

  /// Reads `6.18.44-generic`.
  init(_ release: String) {
    let numbers = release.split(separator: ".", maxSplits: 2).prefix(2).map { Int($0.prefix { $0.isNumber }) ?? 0 }
    major = numbers.first ?? 0
    minor = numbers.count > 1 ? numbers[1] : 0
  }

  func isAtLeast(_ major: Int, _ minor: Int) -> Bool { (self.major, self.minor) >= (major, minor) }

  var description: String { "\(major).\(minor)" }
}
