import CCap
import ContainrCore
import Glibc
import SystemPackage

/// The capabilities that a program file carries: what it gains at execve(2) (`capabilities(7)`, "File capabilities"; the
/// extended attribute `security.capability`).
///
/// ```swift
/// let file = try OwnedDescriptor.open("/usr/bin/ping")
/// if let held = try FileCapabilities(of: file) { print(held) }  // cap_net_raw=ep
/// ```
public struct FileCapabilities: Hashable, Sendable {
  /// What the process may make effective, as far as its bounding set has it.
  public var permitted: CapabilitySet
  /// What stays of the process's inheritable set.
  public var inheritable: CapabilitySet
  /// Whether what was gained is effective at once. It is one bit for all.
  public var isEffective: Bool
  /// The user of the first user namespace that is root in the namespaces for which the file counts (version 3 of the
  /// attribute, Linux 4.14); nil for all.
  public var rootUser: UInt32?

  /// Takes the parts as they are.
  public init(
    permitted: CapabilitySet = [], inheritable: CapabilitySet = [], isEffective: Bool = true, rootUser: UInt32? = nil
  ) {
    self.permitted = permitted
    self.inheritable = inheritable
    self.isEffective = isEffective
    self.rootUser = rootUser
  }

  /// Reads libcap's text form, `cap_net_raw,cap_net_admin=ep`.
  ///
  /// - Throws: `CAPABILITY` for what libcap does not understand, and for effective ones that are neither permitted nor
  ///   inheritable, or only some of them, which a file cannot express.
  public init(parsing text: String) throws(ContainrError) {
    let state = try CapabilityState(parsing: text)
    let gained = state.permitted.union(state.inheritable)
    guard state.effective.isEmpty || state.effective == gained else {
      throw ContainrError(
        .capability, "reading the file capabilities \"\(text)\"", hint: "in a file all are effective, or none is")
    }
    self.init(permitted: state.permitted, inheritable: state.inheritable, isEffective: !state.effective.isEmpty)
  }

  /// Reads the capabilities of an open file; nil where it has none.
  ///
  /// - Throws: `CAPABILITY`, also for an attribute that is malformed; `UNSUPPORTED` on a file system without attributes.
  public init?(of file: borrowing OwnedDescriptor) throws(ContainrError) {
    let activity = "reading the capabilities of a file"
    guard let state = cap_get_fd(file.rawValue) else {
      switch Errno.current {
      case .noData: return nil
      case .notSupported:
        throw ContainrError(
          .unsupported, activity, systemCall: SystemCall("fgetxattr(2)", .current), hint: "the file system has no attributes")
      default: throw .errno(.current, .capability, activity, call: "fgetxattr(2)")
      }
    }
    defer { cap_free(UnsafeMutableRawPointer(state)) }
    let sets = try CapabilityState(state, activity)
    let owner = cap_get_nsowner(state)
    self.init(
      permitted: sets.permitted, inheritable: sets.inheritable, isEffective: !sets.effective.isEmpty,
      rootUser: owner == 0 ? nil : owner)
  }

  /// Writes them to an open regular file. Needs `CAP_SETFCAP` over the file's owner.
  ///
  /// - Throws: `CAPABILITY`, `PERMISSION_DENIED`; `UNSUPPORTED` on a file system without attributes.
  public func write(to file: borrowing OwnedDescriptor) throws(ContainrError) {
    let activity = "writing the capabilities \(self) to a file"
    let effective = isEffective ? permitted.union(inheritable) : []
    let state = try CapabilityState(effective: effective, permitted: permitted, inheritable: inheritable).native(activity)
    defer { cap_free(UnsafeMutableRawPointer(state)) }
    if let rootUser, cap_set_nsowner(state, rootUser) != 0 {
      throw .errno(.current, .capability, activity, call: "cap_set_nsowner(3)")
    }
    try Self.set(file, state, activity)
  }

  /// Takes all capabilities from an open regular file; one without any is left as it is.
  ///
  /// - Throws: as ``write(to:)``.
  public static func remove(from file: borrowing OwnedDescriptor) throws(ContainrError) {
    do throws(ContainrError) {
      try set(file, nil, "removing the capabilities of a file")
    } catch {
      if error.systemCall?.errno != .noData { throw error }
    }
  }

  private static func set(
    _ file: borrowing OwnedDescriptor, _ state: cap_t?, _ activity: String
  ) throws(ContainrError) {
    guard cap_set_fd(file.rawValue, state) != 0 else { return }
    guard Errno.current == .notSupported else { throw .errno(.current, .capability, activity, call: "fsetxattr(2)") }
    throw ContainrError(
      .unsupported, activity, systemCall: SystemCall("fsetxattr(2)", .current), hint: "the file system has no attributes")
  }
}

extension FileCapabilities: CustomStringConvertible {
  /// As `getcap` prints them, `cap_net_raw=ep`; with `[rootid=…]` for one user namespace only.
  public var description: String {
    let effective = isEffective ? permitted.union(inheritable) : []
    let text = CapabilityState(effective: effective, permitted: permitted, inheritable: inheritable).description
    return text + (rootUser.map { " [rootid=\($0)]" } ?? "")
  }
}
