import CCap
import ContainrCore
import Glibc
import SystemPackage

/// The three sets that libcap knows together, in its text form (`cap_from_text(3)`): `cap_chown,cap_kill=eip`.
///
/// It is what `capsh --print` shows as "Current" and `getcap` beside a file.
public struct CapabilityState: Hashable, Sendable {
  /// What the kernel checks.
  public var effective: CapabilitySet
  /// What may be made effective.
  public var permitted: CapabilitySet
  /// What an exec keeps for programs with inheritable file capabilities.
  public var inheritable: CapabilitySet

  /// Takes the sets as they are.
  public init(effective: CapabilitySet = [], permitted: CapabilitySet = [], inheritable: CapabilitySet = []) {
    self.effective = effective
    self.permitted = permitted
    self.inheritable = inheritable
  }

  /// Takes three of the five sets of a process.
  public init(_ capabilities: Capabilities) {
    self.init(
      effective: capabilities.effective, permitted: capabilities.permitted, inheritable: capabilities.inheritable)
  }

  /// Reads the text form.
  ///
  /// - Throws: `CAPABILITY` for what libcap does not understand.
  public init(parsing text: String) throws(ContainrError) {
    let activity = "reading the capabilities \"\(text)\""
    guard !text.utf8.contains(0), let state = cap_from_text(text) else {
      throw ContainrError(.capability, activity, hint: "as in cap_chown,cap_kill=ep (cap_from_text(3))")
    }
    defer { cap_free(UnsafeMutableRawPointer(state)) }
    try self.init(state, activity)
  }

  init(_ state: cap_t, _ activity: String) throws(ContainrError) {
    self.init()
    for number in 0..<cap_value_t(min(64, cap_max_bits())) {
      effective.rawValue |= try Self.flag(state, number, CAP_EFFECTIVE, activity)
      permitted.rawValue |= try Self.flag(state, number, CAP_PERMITTED, activity)
      inheritable.rawValue |= try Self.flag(state, number, CAP_INHERITABLE, activity)
    }
  }

  private static func flag(
    _ state: cap_t, _ number: cap_value_t, _ set: cap_flag_t, _ activity: String
  ) throws(ContainrError) -> UInt64 {
    var value = CAP_CLEAR
    guard cap_get_flag(state, number, set, &value) == 0 else {
      throw .errno(.current, .capability, activity, call: "cap_get_flag(3)")
    }
    return value == CAP_SET ? 1 << UInt64(number) : 0
  }

  /// The sets as libcap's own type, which the caller frees.
  ///
  /// - Throws: `CAPABILITY` for one that the running kernel and libcap do not know.
  func native(_ activity: String) throws(ContainrError) -> cap_t {
    guard let state = cap_init() else { throw .errno(.current, .capability, activity, call: "cap_init(3)") }
    for (set, flag) in [(effective, CAP_EFFECTIVE), (permitted, CAP_PERMITTED), (inheritable, CAP_INHERITABLE)] {
      for capability in set {
        var number = cap_value_t(capability.rawValue)
        guard cap_set_flag(state, flag, 1, &number, CAP_SET) == 0 else {
          cap_free(UnsafeMutableRawPointer(state))
          throw ContainrError(.capability, activity, hint: "neither this kernel nor libcap knows the capability \(capability)")
        }
      }
    }
    return state
  }
}

extension CapabilityState: CustomStringConvertible {
  /// As libcap writes it, `cap_chown,cap_kill=eip`; `=` for three empty sets. The sets by number where libcap cannot.
  public var description: String {
    let sets = { "effective \(self.effective), permitted \(self.permitted), inheritable \(self.inheritable)" }
    do throws(ContainrError) {
      let state = try native("printing capabilities")
      defer { cap_free(UnsafeMutableRawPointer(state)) }
      guard let text = cap_to_text(state, nil) else { return sets() }
      defer { cap_free(text) }
      return String(cString: text)
    } catch { return sets() }
  }
}
