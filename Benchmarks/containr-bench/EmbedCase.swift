/// Create to removed inside one process that lives on: no process start, no command line, no parsing.
///
/// Subjects take turns in blocks, because each block is one process: a block's first starts are discarded, so that
/// caches are warm in all of them.
struct EmbedCase {
  let options: Options
  let workspace: Workspace
  let launcher: Launcher

  private static let block = 20

  /// A program, or a call, that makes `count` starts and returns the nanoseconds of each.
  struct Block {
    var name: String
    var note: String
    var missing: String?
    var run: (_ count: Int) throws(BenchmarkError) -> [UInt64]
  }

  func measure() -> [Measurement] {
    let blocks = subjects()
    var measurements = blocks.map { Measurement(subject: $0.name, note: $0.note, missing: $0.missing) }
    for _ in 0..<max(1, options.rounds / Self.block) {
      for index in blocks.indices.shuffled() where measurements[index].missing == nil {
        do { measurements[index].samples += try blocks[index].run(Self.block) } catch {
          measurements[index].missing = "failed: \(error.description)"
        }
      }
    }
    return measurements
  }

  private func subjects() -> [Block] {
    [
      floor("floor", "the kernel calls of a default container", []),
      floor("floor-memory", "the same, writable layer in memory", ["--upper", "tmpfs"]),
      floor("floor-no-net", "the same without a network namespace", ["--no-net"]),
      floor("floor-no-cgroups", "the same without cgroups", ["--no-cgroups"]),
    ]
      + [
        block("containr", "withContainer, every round in one process", [options.embedded, "--rounds"], suffix: []),
        block(
          "containr-memory", "the same, writable layer in memory", [options.embedded, "--rounds"],
          suffix: ["--writable-layer", "memory"]),
      ]
  }

  private func floor(_ name: String, _ note: String, _ flags: [String]) -> Block {
    block(
      name, note, [options.floor, "--workspace", workspace.path, "--seccomp", workspace.filter, "--samples", "--rounds"],
      suffix: ["--pause", String(options.settle)] + flags)
  }

  /// A program that prints the nanoseconds of every start on a line of its own.
  private func block(_ name: String, _ note: String, _ prefix: [String], suffix: [String]) -> Block {
    guard isExecutable(prefix[0]) else {
      return Block(name: name, note: "", missing: "no executable at \(prefix[0])") { _ in [] }
    }
    return Block(name: name, note: note, missing: nil) { count throws(BenchmarkError) in
      try launcher.output(prefix + [String(count)] + suffix).split(separator: "\n").map { line throws(BenchmarkError) in
        guard let value = UInt64(line) else { throw BenchmarkError("\(name): not a number: \(line)") }
        return value
      }
    }
  }
}
