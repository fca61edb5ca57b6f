import ContainrCore

/// Device rules as what is written to `devices.deny` and `devices.allow`, in order.
///
/// Version 1 keeps a default and a list of exceptions from it, and an exception goes away only by an entry with the very
/// same numbers. So a rule that would cut a hole into a wider exception cannot be expressed: it is refused here, where the
/// kernel would take it and do nothing.
struct DeviceList {
  struct Write: Equatable {
    var allow: Bool
    var entry: String
  }

  private(set) var writes: [Write] = [Write(allow: false, entry: "a")]

  init(_ rules: [DeviceRule]) throws(ContainrError) {
    var allowsByDefault = false
    var exceptions: [DeviceRule] = []
    for rule in rules.flatMap(Self.withoutPartialAll) {
      if rule.kind == .all {
        // "a" stands for everything, and empties the list of exceptions.
        if writes.count == 1, !rule.allow { continue }
        if rule.allow == allowsByDefault, exceptions.isEmpty { continue }
        writes.append(Write(allow: rule.allow, entry: "a"))
        allowsByDefault = rule.allow
        exceptions = []
        continue
      }
      let overlapping = exceptions.filter { $0.kind == rule.kind && Self.overlap($0, rule) }
      if rule.allow != allowsByDefault {
        exceptions.append(rule)
      } else {
        if overlapping.isEmpty { continue }
        guard overlapping.allSatisfy({ $0.major == rule.major && $0.minor == rule.minor }) else {
          throw ContainrError(
            .unsupported, "applying the device rule \"\(rule)\" after \"\(overlapping[0])\"",
            hint: "version 1 of the devices controller cannot except a device from a wider rule; name the devices one by one")
        }
        exceptions.removeAll {
          $0.kind == rule.kind && $0.major == rule.major && $0.minor == rule.minor && $0.access.isSubset(of: rule.access)
        }
        for index in exceptions.indices
        where exceptions[index].kind == rule.kind && exceptions[index].major == rule.major
          && exceptions[index].minor == rule.minor
        {
          exceptions[index].access.subtract(rule.access)
        }
      }
      writes.append(Write(allow: rule.allow, entry: rule.entry))
    }
  }

  /// The kernel reads nothing after an `a`: a rule for all kinds with numbers or a part of the access is one for each kind.
  private static func withoutPartialAll(_ rule: DeviceRule) -> [DeviceRule] {
    guard !rule.access.isEmpty else { return [] }
    guard rule.kind == .all, rule.major != nil || rule.minor != nil || !rule.access.isSuperset(of: .all) else { return [rule] }
    return [DeviceRule.Kind.character, .block].map {
      DeviceRule(allow: rule.allow, $0, rule.major, rule.minor, access: rule.access)
    }
  }

  private static func overlap(_ left: DeviceRule, _ right: DeviceRule) -> Bool {
    !left.access.isDisjoint(with: right.access)
      && (left.major == nil || right.major == nil || left.major == right.major)
      && (left.minor == nil || right.minor == nil || left.minor == right.minor)
  }
}
