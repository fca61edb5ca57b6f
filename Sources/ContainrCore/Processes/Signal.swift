import Glibc

/// A signal of Linux (signal(7)).
public struct Signal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The number on this architecture.
  public let rawValue: Int32
  /// Takes a number.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// A terminal or its session is gone.
  public static let hangup = Signal(rawValue: SIGHUP)
  /// Ctrl-C.
  public static let interrupt = Signal(rawValue: SIGINT)
  /// Ctrl-\.
  public static let quit = Signal(rawValue: SIGQUIT)
  /// Ends a process; cannot be caught.
  public static let kill = Signal(rawValue: SIGKILL)
  /// Asks a process to end.
  public static let terminate = Signal(rawValue: SIGTERM)
  /// The terminal's window has another size.
  public static let windowChange = Signal(rawValue: SIGWINCH)

  /// Parses a number or a name with or without `SIG`, in either case: `TERM`, `SIGRTMIN+3`, `9`.
  ///
  /// - Throws: `SIGNAL` for an unknown name and for a number outside of 1 to 64.
  public init(parsing text: String) throws(ContainrError) {
    if let number = Self.number(text), (1...64).contains(number) {
      rawValue = number
      return
    }
    // ASCII only: uppercased() makes letters of others, such as the ligature of s and t.
    var name = String(decoding: text.utf8.map { (0x61...0x7a).contains($0) ? $0 - 0x20 : $0 }, as: UTF8.self)
    if name.hasPrefix("SIG") { name.removeFirst(3) }
    if let number = Self.numbers[name] {
      rawValue = number
      return
    }
    for (prefix, base, sign) in [("RTMIN+", Int32(34), Int32(1)), ("RTMAX-", 64, -1)] where name.hasPrefix(prefix) {
      if let offset = Self.number(name.dropFirst(prefix.count)), (0...30).contains(offset) {
        rawValue = base + sign * offset
        return
      }
    }
    throw ContainrError(
      .signal, "reading the signal \"\(text)\"", hint: "a name such as TERM or SIGTERM, or a number from 1 to 64")
  }

  /// Digits alone: no sign.
  private static func number(_ text: some StringProtocol) -> Int32? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int32(text) : nil
  }

  /// `SIGTERM`; `signal 42` for one without a name.
  public var description: String {
    Self.numbers.first { $0.value == rawValue && $0.key != "IOT" && $0.key != "POLL" && $0.key != "CLD" }
      .map { "SIG" + $0.key } ?? "signal \(rawValue)"
  }

  private static let numbers: [String: Int32] = [
    "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "IOT": SIGABRT,
    "BUS": SIGBUS, "FPE": SIGFPE, "KILL": SIGKILL, "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2, "PIPE": SIGPIPE,
    "ALRM": SIGALRM, "TERM": SIGTERM, "STKFLT": 16, "CHLD": SIGCHLD, "CLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP,
    "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
    "VTALRM": SIGVTALRM, "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "POLL": SIGIO, "PWR": SIGPWR, "SYS": SIGSYS,
    "RTMIN": 34, "RTMAX": 64,
  ]
}
