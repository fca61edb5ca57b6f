import ContainrCore

/// How long processes waited for one resource: a line of `/proc/pressure` or of `cpu.pressure`, `memory.pressure`,
/// `io.pressure` (`accounting/psi.rst`, Linux 4.20).
public struct PressureStatistics: Sendable, Hashable {
  /// Times in which at least one process waited.
  public var some = Stall()
  /// Times in which all processes waited, so that nothing was done; nil where the kernel does not count it (CPU before
  /// Linux 5.13).
  public var full: Stall?

  /// The part of the time that was spent waiting.
  public struct Stall: Sendable, Hashable {
    /// In percent, over the last 10 seconds.
    public var average10: Double = 0
    /// In percent, over the last minute.
    public var average60: Double = 0
    /// In percent, over the last 5 minutes.
    public var average300: Double = 0
    /// In all.
    public var total: Duration = .zero
  }

  /// Nothing waited for.
  public init() {}

  /// Reads lines like `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`. Unknown lines and keys are passed over.
  init(_ text: KernelText) throws(ContainrError) {
    var text = text
    while var line = text.line() {
      guard let kind = line.word() else { continue }
      switch kind {
      case "some": some = try Stall(&line)
      case "full": full = try Stall(&line)
      default: break
      }
    }
  }
}

extension PressureStatistics.Stall {
  fileprivate init(_ line: inout KernelText) throws(ContainrError) {
    while var word = line.word() {
      guard let key = word.next(0x3d) else { continue }
      let value = word.next(0x3d) ?? word
      switch key {
      case "avg10": average10 = try value.hundredths()
      case "avg60": average60 = try value.hundredths()
      case "avg300": average300 = try value.hundredths()
      case "total": total = .microseconds(Int64(clamping: try value.number()))
      default: break
      }
    }
  }
}

extension CgroupStatistics.Pressure {
  /// Reads the files of a version 2 directory; nil where the kernel has none of them.
  init?(_ files: CounterFiles) throws(ContainrError) {
    func read(_ name: String) throws(ContainrError) -> PressureStatistics? {
      var pressure: PressureStatistics?
      try files.read(name) { (text) throws(ContainrError) in pressure = try PressureStatistics(text) }
      return pressure
    }
    cpu = try read("cpu.pressure")
    memory = try read("memory.pressure")
    io = try read("io.pressure")
    if cpu == nil, memory == nil, io == nil { return nil }
  }
}
