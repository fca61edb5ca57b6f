import CContainrVersion

/// What this copy of containr was built from, and for what.
///
/// `make build` compiles all of it in. A program that depends on the package and is built by `swift build` alone knows the
/// version, the day of the compilation and the platform, and no commit.
public struct BuildInformation: Sendable, Hashable {
  /// The version, as in [Semantic Versioning](https://semver.org): `0.1.0`.
  public var version: String
  /// The commit the sources were checked out from, 40 hexadecimal digits; nil unless `make` built
  /// in a git repository.
  public var commit: String?
  /// Whether files differed from the commit.
  public var hasLocalChanges: Bool
  /// The date, ISO 8601: the commit's under `make build`, otherwise that of the compilation.
  public var date: String
  /// The compiler's version: `6.3.1` under `make build`, otherwise `6.3`.
  public var swiftVersion: String
  /// The operating system and architecture, as in image platforms: `linux/amd64`.
  public var platform: String

  /// The running program's.
  public static let current = BuildInformation(
    version: String(cString: containr_version()),
    commit: nonEmpty(containr_commit()),
    hasLocalChanges: containr_has_local_changes() != 0,
    date: String(cString: containr_build_date()),
    swiftVersion: nonEmpty(containr_swift_version()) ?? compilerVersion,
    platform: "linux/\(architecture)")

  private static func nonEmpty(_ text: UnsafePointer<CChar>) -> String? {
    text.pointee == 0 ? nil : String(cString: text)
  }

  private static var compilerVersion: String {
    #if compiler(>=6.4)
      "6.4 or newer"
    #elseif compiler(>=6.3)
      "6.3"
    #elseif compiler(>=6.2)
      "6.2"
    #else
      "6.1"
    #endif
  }

  private static var architecture: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #elseif arch(riscv64)
      "riscv64"
    #else
      #error("name this architecture as image platforms do (GOARCH)")
    #endif
  }
}

extension BuildInformation: CustomStringConvertible {
  /// One line: `containr 0.1.0 (commit 1784720a1b2c, 2026-07-04, Swift 6.3.1, linux/amd64)`.
  public var description: String {
    var parts: [String] = []
    if let commit { parts.append("commit \(commit.prefix(12))\(hasLocalChanges ? " with local changes" : "")") }
    parts += [date, "Swift \(swiftVersion)", platform]
    return "containr \(version) (\(parts.joined(separator: ", ")))"
  }
}
