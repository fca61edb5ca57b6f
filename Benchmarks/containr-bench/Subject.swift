/// Something whose start is timed.
struct Subject {
  let name: String
  let note: String
  /// Why it cannot take part, when it cannot.
  var missing: String?
  /// One timed run; the argument is a number that no other run has.
  var run: (Int) throws(BenchmarkError) -> LaunchResult

  init(_ name: String, _ note: String, run: @escaping (Int) throws(BenchmarkError) -> LaunchResult) {
    self.name = name
    self.note = note
    self.run = run
  }

  /// A subject that is reported as missing.
  init(_ name: String, missing: String) {
    self.init(name, "") { _ throws(BenchmarkError) in throw BenchmarkError(missing) }
    self.missing = missing
  }
}

/// Runs subjects in rounds: every subject once a round, in an order drawn anew, so that a change of the machine's
/// load falls on all alike.
struct RoundRobin {
  var rounds: Int
  var warmup: Int
  /// The program that starts another and writes down its peak resident size.
  var meter: String
  /// A rest before each run. None keeps the kernel busy with what it still tears down for the run before (network
  /// namespaces are freed by a worker). A rest makes runtimes that write cgroup.procs slower: the lock behind it is a
  /// per-CPU one, and its first writer after a pause waits for an RCU grace period.
  var settleMicroseconds: UInt32

  func measure(_ subjects: [Subject], log: Launcher) -> [Measurement] {
    var measurements = subjects.map { Measurement(subject: $0.name, note: $0.note, missing: $0.missing) }
    var serial = 0
    for round in -warmup..<rounds {
      // Sizes are taken in the first rounds only, which are not timed.
      log.meter = round < 0 && isExecutable(meter) ? meter : nil
      for index in subjects.indices.shuffled() where measurements[index].missing == nil {
        sleepMicroseconds(settleMicroseconds)
        serial += 1
        do throws(BenchmarkError) {
          let result = try subjects[index].run(serial)
          guard result.exitStatus == 0 else {
            let text = try readText(log.logPath)
            throw BenchmarkError("exit status \(result.exitStatus): \(text.prefix(300))")
          }
          if round >= 0 {
            measurements[index].samples.append(result.nanoseconds)
          } else if log.meter != nil {
            let text = try readText(log.meterPath)
            guard let peak = text.split(separator: "\n").first.flatMap({ UInt64($0) }) else {
              throw BenchmarkError("\(log.meterPath): not a number: \(text)")
            }
            measurements[index].peakResidentBytes = max(measurements[index].peakResidentBytes, peak)
          }
        } catch {
          measurements[index].missing = "failed: \(error.description)"
        }
      }
    }
    return measurements
  }
}
