import ArgumentParser
import ContainrCgroups
import Glibc

/// What the command line says, as the cases need it.
struct Options {
  var floor: String
  var containr: String
  var ociRuntime: String?
  var embedded: String
  var image: String
  var rounds: Int
  var warmup: Int
  var settle: UInt32
}

/// Writes `text` to standard error.
func writeDiagnostic(_ text: String) {
  var text = text
  _ = text.withUTF8 { write(2, $0.baseAddress, $0.count) }
}

func sleepMicroseconds(_ microseconds: UInt32) { if microseconds > 0 { usleep(microseconds) } }

enum BenchmarkCase: String, ExpressibleByArgument, CaseIterable { case start, exec, embed, parts, snapshot, statistics, diff }

@main
struct ContainrBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "containr-bench",
    abstract: "Compare container starts with the kernel-call floor and with other runtimes.",
    discussion: "Rounds are interleaved and shuffled, the first are discarded. Run as root, from a release build.")

  @Option(name: .customLong("case"), help: "start, exec, embed, parts, snapshot, statistics or diff.")
  var benchmark: BenchmarkCase = .start
  @Option(help: "Measured rounds of every subject.") var rounds = 100
  @Option(help: "Rounds before them that are not counted.") var warmup = 5
  @Option(help: "Microseconds of rest before each run (crun and runc pay an RCU grace period after a rest).")
  var settle: UInt32 = 0
  @Option(help: "Write the measurements to this file as JSON.") var json: String?
  @Option(help: "The floor program.") var floor = ".build/bench/floor"
  @Option(help: "The program that measures peak memory.") var meter = ".build/bench/peak"
  @Option(help: "The containr command line.") var containr = ".build/release/containr"
  @Option(help: "Our OCI runtime, when it is to take part.") var ociRuntime: String?
  @Option(help: "A program that prints the nanoseconds of N embedded starts, given --rounds N.")
  var embedded = ".build/release/containr-embed"
  @Option(help: "The image containr runs.") var image = "containr/busybox"
  @Option(help: "Where the workspace is made; its file system carries the writable layers.") var temporary = "/tmp"
  @Option(help: "The tree that diff writes as a layer, such as a Debian root file system.") var tree: String?

  mutating func validate() throws {
    guard rounds > 0, warmup >= 0 else { throw ValidationError("--rounds must be positive and --warmup not negative") }
    guard benchmark != .diff || tree != nil else { throw ValidationError("the case diff needs a --tree") }
  }

  func run() throws {
    do { try measure() } catch let error as BenchmarkError {
      writeDiagnostic("containr-bench: \(error.description)\n")
      throw ExitCode.failure
    } catch let error as ContainrError {
      writeDiagnostic("containr-bench: \(error.description)\n")
      throw ExitCode.failure
    }
  }

  private func measure() throws {
    let options = Options(
      floor: floor, containr: containr, ociRuntime: ociRuntime, embedded: embedded, image: image, rounds: rounds,
      warmup: warmup,
      settle: settle)
    if benchmark == .statistics {
      print(try StatisticsCase(rounds: rounds, warmup: warmup).measure())
      return
    }
    if benchmark == .diff, let tree {
      print(try DiffCase(options: options, tree: tree, temporary: temporary).measure())
      return
    }
    try enterPrivateMounts()
    let workspace = try Workspace(in: temporary, floor: floor)
    let measurements: [Measurement]
    do {
      measurements = try self.measurements(options, workspace)
    } catch {
      try workspace.remove()
      throw error
    }
    try workspace.remove()
    guard !measurements.isEmpty else { return }
    let report = Report(benchmark: benchmark.rawValue, settleMicroseconds: settle, measurements: measurements)
    print(report.table)
    if let json { try writeText(report.json, to: json) }
  }

  private func measurements(_ options: Options, _ workspace: Workspace) throws -> [Measurement] {
    let launcher = Launcher(logPath: workspace.log)
    let rounds = RoundRobin(rounds: rounds, warmup: warmup, meter: meter, settleMicroseconds: settle)
    switch benchmark {
    case .start:
      return rounds.measure(StartCase(options: options, workspace: workspace, launcher: launcher).subjects(), log: launcher)
    case .exec:
      let running = ExecCase(options: options, workspace: workspace, launcher: launcher).start()
      let measurements = rounds.measure(running.map(\.subject), log: launcher)
      for container in running { try container.stop() }
      return measurements
    case .embed:
      return EmbedCase(options: options, workspace: workspace, launcher: launcher).measure()
    case .snapshot: return try SnapshotCase(options: options, workspace: workspace, launcher: launcher).measure()
    case .parts:
      let flags = ["--seccomp", workspace.filter, "--parts", "--rounds", String(options.rounds), "--pause", String(settle)]
      print(try launcher.output([floor, "--workspace", workspace.path] + flags), terminator: "")
      return []
    case .statistics, .diff: return []
    }
  }
}
