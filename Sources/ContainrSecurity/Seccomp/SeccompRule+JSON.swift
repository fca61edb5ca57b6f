import ContainrCore
import ContainrOCI

extension SeccompRule {
  /// Reads an entry of `syscalls`: one rule, or one for each condition where an argument occurs twice.
  static func rules(_ cursor: JSON.Cursor) throws(ContainrError) -> [SeccompRule] {
    let names: [String]
    if let list = try cursor.strings("names") {
      names = list
      if try !list.isEmpty, let name = try cursor.member("name"), !(try name.string().isEmpty) {
        throw name.invalid("a rule has name or names, not both")
      }
    } else {
      names = [try cursor.required("name").string()]
    }
    let action = try SeccompAction(cursor.required("action"), number: cursor.member("errnoRet"))
    let conditions = try (cursor.elements("args") ?? []).map { element throws(ContainrError) in try SeccompCondition(element) }
    var rule = SeccompRule(
      action, names, when: conditions, comment: try cursor.string("comment"),
      includes: try cursor.member("includes").map { member throws(ContainrError) in try SeccompScope(member) },
      excludes: try cursor.member("excludes").map { member throws(ContainrError) in try SeccompScope(member) })
    rule.otherMembers = try cursor.otherMembers(than: keys)
    guard rule.namesAnArgumentTwice else { return [rule] }
    return conditions.map { condition in
      rule.conditions = [condition]
      return rule
    }
  }

  func json(at index: Int) throws(ContainrError) -> JSON {
    guard !namesAnArgumentTwice else {
      throw ContainrError(
        .unsupported, "writing the seccomp profile as JSON",
        hint: "$.syscalls[\(index)]: two conditions on one argument are alternatives in this format; in a rule both must hold")
    }
    var object = JSON.Object()
    object["names"] = .array(names.map { .string($0) })
    object["action"] = .string(action.ociName)
    object["errnoRet"] = action.number
    if !conditions.isEmpty { object["args"] = .array(conditions.map(\.json)) }
    object["comment"] = comment.map { .string($0) }
    object["includes"] = includes?.json
    object["excludes"] = excludes?.json
    for member in otherMembers.members { object[member.key] = member.value }
    return .object(object)
  }

  private var namesAnArgumentTwice: Bool { Set(conditions.map(\.argument)).count < conditions.count }

  private static let keys: Set<String> = [
    "names", "name", "action", "errnoRet", "args", "comment", "includes", "excludes",
  ]
}

extension SeccompCondition {
  fileprivate init(_ cursor: JSON.Cursor) throws(ContainrError) {
    let index = try cursor.required("index")
    argument = try index.integer(UInt8.self)
    guard argument < 6 else { throw index.invalid("a system call has the arguments 0 to 5") }
    let first = try cursor.required("value").integer(UInt64.self)
    let second = try cursor.integer("valueTwo", UInt64.self) ?? 0
    value = first
    let operation = try cursor.required("op")
    let name = try operation.string()
    switch name {
    case "SCMP_CMP_EQ": comparison = .equal
    case "SCMP_CMP_NE": comparison = .notEqual
    case "SCMP_CMP_LT": comparison = .less
    case "SCMP_CMP_LE": comparison = .lessOrEqual
    case "SCMP_CMP_GT": comparison = .greater
    case "SCMP_CMP_GE": comparison = .greaterOrEqual
    case "SCMP_CMP_MASKED_EQ":
      comparison = .maskedEqual(mask: first)
      value = second
    default: throw operation.invalid("an unknown operator, \(JSON.quoted(name))")
    }
  }

  fileprivate var json: JSON {
    func object(_ name: String, _ first: UInt64, _ second: UInt64? = nil) -> JSON {
      var object = JSON.Object()
      object["index"] = .integer(Int64(argument))
      object["value"] = Self.number(first)
      object["valueTwo"] = second.map(Self.number)
      object["op"] = .string(name)
      return .object(object)
    }
    return switch comparison {
    case .equal: object("SCMP_CMP_EQ", value)
    case .notEqual: object("SCMP_CMP_NE", value)
    case .less: object("SCMP_CMP_LT", value)
    case .lessOrEqual: object("SCMP_CMP_LE", value)
    case .greater: object("SCMP_CMP_GT", value)
    case .greaterOrEqual: object("SCMP_CMP_GE", value)
    case .maskedEqual(let mask): object("SCMP_CMP_MASKED_EQ", mask, value)
    }
  }

  private static func number(_ value: UInt64) -> JSON { Int64(exactly: value).map(JSON.integer) ?? .unsigned(value) }
}

extension SeccompScope {
  fileprivate init(_ cursor: JSON.Cursor) throws(ContainrError) {
    capabilities = try (cursor.elements("caps") ?? []).map { element throws(ContainrError) in
      let name = try element.string()
      do throws(ContainrError) { return try Capability(named: name) } catch {
        throw element.invalid("an unknown capability, \(JSON.quoted(name))", cause: error)
      }
    }
    architectures = try cursor.strings("arches") ?? []
    minimumKernel = try cursor.member("minKernel").map { member throws(ContainrError) in
      let text = try member.string()
      let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
      let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
      guard isPlain, numbers.count == 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else {
        throw member.invalid("expected two numbers of a kernel's version, such as 4.8")
      }
      return KernelVersion(major, minor)
    }
    for (key, member) in try cursor.members() where !["caps", "arches", "minKernel"].contains(key) {
      throw member.invalid("an unknown condition on a rule")
    }
  }

  fileprivate var json: JSON {
    var object = JSON.Object()
    if !capabilities.isEmpty { object["caps"] = .array(capabilities.map { .string($0.ociName) }) }
    if !architectures.isEmpty { object["arches"] = .array(architectures.map { .string($0) }) }
    object["minKernel"] = minimumKernel.map { .string("\($0.major).\($0.minor)") }
    return .object(object)
  }
}
