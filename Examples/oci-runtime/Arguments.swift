import ContainrRuntime

/// The words of a command line, taken one after the other: `--name value`, `--name=value`, `-n value`, flags, and the rest.
struct Arguments {
  private var words: ArraySlice<String>

  init(_ words: [String]) { self.words = words[...] }

  /// What is left.
  var rest: [String] { Array(words) }

  /// Takes the next word, whatever it is.
  mutating func next() -> String? { words.popFirst() }

  /// An option as it stands on the command line.
  struct Option {
    let name: String
    fileprivate let attached: String?
  }

  /// Takes the next option, without dashes; nil where the next word is none. `--` is taken and ends them.
  mutating func option() -> Option? {
    guard let word = words.first, word.hasPrefix("-"), word != "-" else { return nil }
    words.removeFirst()
    if word == "--" { return nil }
    let bare = word.drop { $0 == "-" }
    let parts = bare.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return Option(name: String(parts[0]), attached: parts.count == 2 ? String(parts[1]) : nil)
  }

  /// The value of an option.
  mutating func value(_ option: Option) throws(ContainrError) -> String {
    if let value = option.attached { return value }
    guard let value = words.popFirst() else { throw Self.wrong("--\(option.name) needs a value") }
    return value
  }

  /// The value of a flag, which may be given as `--flag=false`.
  func flag(_ option: Option) throws(ContainrError) -> Bool {
    switch option.attached {
    case nil, "true": return true
    case "false": return false
    default: throw Self.wrong("--\(option.name) takes true or false")
    }
  }

  /// The value of an option as a number.
  mutating func number<Number: FixedWidthInteger>(
    _ option: Option, _ type: Number.Type = Number.self
  ) throws(ContainrError) -> Number {
    let text = try value(option)
    guard let number = Number(text) else { throw Self.wrong("--\(option.name) takes a number, not \"\(text)\"") }
    return number
  }

  /// The container's id, the next word.
  mutating func id() throws(ContainrError) -> ContainerID {
    guard let text = words.popFirst() else { throw Self.wrong("a container id is missing") }
    return try ContainerID(text)
  }

  /// Refuses what is left over.
  func end() throws(ContainrError) {
    guard let word = words.first else { return }
    throw Self.wrong("unexpected argument \"\(word)\"")
  }

  func unknown(_ option: Option) -> ContainrError { Self.wrong("unknown option --\(option.name)") }

  static func wrong(_ message: String) -> ContainrError {
    ContainrError(.invalidArgument, "reading the command line", hint: message)
  }
}
