import ContainrCore

/// An SELinux label, `system_u:object_r:container_file_t:s0:c1,c2`, for the files of a whole mount (mount(8), `context=`).
public struct MountLabel: Hashable, Sendable, CustomStringConvertible {
  /// The label as SELinux writes it.
  public let description: String

  /// Checks the form of a label: user, role, type and perhaps a level, separated by colons. Whether the policy knows it,
  /// the kernel says.
  ///
  /// - Throws: `INVALID_ARGUMENT`.
  public init(_ text: String) throws(ContainrError) {
    let fields = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    guard fields.count >= 3, fields.allSatisfy({ !$0.isEmpty }), isPlain, text.utf8.count <= 255 else {
      throw ContainrError(
        .invalidArgument, "reading the mount label \"\(text)\"", hint: "a label is user:role:type or user:role:type:level")
    }
    description = text
  }
}
