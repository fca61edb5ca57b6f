import CCap
import ContainrCore
import SystemPackage

/// One of the kernel's capabilities (`capabilities(7)`), by its number.
///
/// A number without a name here, from a kernel newer than libcap, is a valid value; a name that libcap does not know is not.
public struct Capability: RawRepresentable, Hashable, Sendable {
  /// The number in `linux/capability.h`, 0 to 63.
  public let rawValue: UInt8

  /// Takes a number; nil past 63, where no capability set of the kernel has a bit.
  public init?(rawValue: UInt8) {
    guard rawValue < 64 else { return nil }
    self.rawValue = rawValue
  }

  init(number: UInt8) { rawValue = number }

  /// Finds a capability by name, with or without `CAP_`, in any case: `NET_ADMIN`, `cap_net_admin`.
  ///
  /// - Throws: `CAPABILITY` for a name that libcap does not know; numbers and `ALL` are not names.
  public init(named name: String) throws(ContainrError) {
    let lowered = name.lowercased()
    let full = lowered.hasPrefix("cap_") ? lowered : "cap_" + lowered
    // cap_from_name(3) reads numbers, and stops at the first character that cannot be in a name: both must not get there.
    let isName = full.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    var number: cap_value_t = -1
    guard isName, cap_from_name(full, &number) == 0, (0..<64).contains(number) else {
      throw ContainrError(
        .capability, "reading the capability \"\(name)\"", hint: "a name of capabilities(7), such as NET_ADMIN or CAP_NET_ADMIN"
      )
    }
    rawValue = UInt8(number)
  }

  /// The name as libcap prints it, `cap_net_admin`; the number for one that has no name.
  public var name: String {
    guard let text = cap_to_name(cap_value_t(rawValue)) else { return String(rawValue) }
    defer { cap_free(text) }
    return String(cString: text)
  }

  /// The name as the OCI specification and Docker write it, `CAP_NET_ADMIN`.
  public var ociName: String { name.uppercased() }

  /// The highest capability of the running kernel (`/proc/sys/kernel/cap_last_cap`).
  ///
  /// - Throws: `IO_FAILURE` without procfs, `CAPABILITY` for content that is no number of a capability.
  public static func lastOfKernel() throws(ContainrError) -> Capability {
    let path: FilePath = "/proc/sys/kernel/cap_last_cap"
    let text = try FileContents.text(path, limit: 64)
    guard let number = UInt8(text.prefix { $0 != "\n" }), let last = Capability(rawValue: number) else {
      throw ContainrError(.capability, "reading \(path)", hint: "the kernel wrote \"\(text)\"")
    }
    return last
  }
}

extension Capability: Comparable, CustomStringConvertible {
  /// Orders by number.
  public static func < (left: Capability, right: Capability) -> Bool { left.rawValue < right.rawValue }
  /// The name as libcap prints it.
  public var description: String { name }
}
