import ContainrCore
import ContainrRootFS
import Glibc
import SystemPackage

/// Writes a tree as a layer and unpacks layers of it, against the programs that do the same: wall and processor time.
struct DiffCase {
  let options: Options
  /// A Debian root file system, for instance.
  let tree: String
  /// Where layers and unpacked trees go: its file system is what the files are made on.
  let temporary: String

  private struct Cost {
    var wall: UInt64
    var user: UInt64
    var system: UInt64
  }

  /// One way of writing or unpacking. `output` is a file to write, or an empty directory to unpack into.
  private struct Way {
    let name: String
    var run: (_ output: String) throws -> Cost
    var costs: [Cost] = []
    var missing: String?

    init(_ name: String, run: @escaping (_ output: String) throws -> Cost) {
      self.name = name
      self.run = run
    }
  }

  func measure() throws -> String {
    var template = Array((temporary + "/containr-bench.XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchmarkError("\(temporary): \(String(cString: strerror(errno)))") }
    let place = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let result = Result { try measure(in: place) }
    try remove(place)
    return try result.get()
  }

  private func measure(in place: String) throws -> String {
    let plain = place + "/layer.tar"
    let gzip = place + "/layer.tar.gz"
    let written = try writeLayer(plain, .none)
    _ = try writeLayer(gzip, .gzip)
    var writing = [
      Way("containr") { output in try inProcess { _ = try writeLayer(output, .none) } },
      program("tar", "tar") { ["--create", "--file", $0, "--directory", tree, "."] },
      program("tar, attributes", "tar") {
        ["--create", "--format=pax", "--xattrs", "--acls", "--file", $0, "--directory", tree, "."]
      },
      program("bsdtar", "bsdtar") { ["--create", "--format=pax", "--file", $0, "--directory", tree, "."] },
    ]
    var compressing = [
      Way("containr") { output in try inProcess { _ = try writeLayer(output, .gzip) } },
      Way("containr, zstd") { output in try inProcess { _ = try writeLayer(output, .zstd) } },
      program("tar", "tar") { ["--create", "--gzip", "--file", $0, "--directory", tree, "."] },
      program("bsdtar", "bsdtar") { ["--create", "--gzip", "--format=pax", "--file", $0, "--directory", tree, "."] },
    ]
    var unpacking = [
      Way("containr") { output in try inProcess { try unpack(plain, into: output) } },
      program("tar", "tar") { ["--extract", "--file", plain, "--directory", $0] },
      program("tar, attributes", "tar") {
        ["--extract", "--xattrs", "--xattrs-include=*", "--acls", "--file", plain, "--directory", $0]
      },
      program("bsdtar", "bsdtar") { ["--extract", "-p", "--file", plain, "--directory", $0] },
    ]
    let layout = place + "/layout"
    var inflating = [
      Way("containr") { output in try inProcess { try unpack(gzip, into: output) } },
      program("tar", "tar") { ["--extract", "--gzip", "--file", gzip, "--directory", $0] },
      program("bsdtar", "bsdtar") { ["--extract", "-p", "--file", gzip, "--directory", $0] },
      program("umoci", "umoci") { ["raw", "unpack", "--image", layout + ":tree", $0 + "/rootfs"] },
    ]
    if inflating[3].missing == nil { try makeImage(layout, of: plain) }
    try measure(&writing, place, isDirectory: false)
    try measure(&compressing, place, isDirectory: false)
    try measure(&unpacking, place, isDirectory: true)
    try measure(&inflating, place, isDirectory: true)
    let head = "\(written.entries) entries, \(written.size) of tar, \(options.rounds) rounds, medians, in \(temporary)"
    return
      ([head] + table("write", writing) + table("write gzip", compressing) + table("apply", unpacking)
      + table("apply gzip", inflating)).joined(separator: "\n")
  }

  /// Every way once a round, in an order drawn anew.
  private func measure(_ ways: inout [Way], _ place: String, isDirectory: Bool) throws {
    let output = place + "/output"
    for round in -options.warmup..<options.rounds {
      for index in ways.indices.shuffled() where ways[index].missing == nil {
        if isDirectory { try makeDirectory(output) }
        // What the one before left to be written to the disk is not to be this one's burden.
        sync()
        do {
          let cost = try ways[index].run(output)
          if round >= 0 { ways[index].costs.append(cost) }
        } catch {
          ways[index].missing = "failed: \(error)"
        }
        try remove(output)
      }
    }
  }

  // MARK: Ways

  private func writeLayer(_ path: String, _ compression: LayerCompression) throws -> WrittenLayer {
    let output = try OwnedDescriptor.open(FilePath(path), flags: O_WRONLY | O_CREAT | O_TRUNC)
    return try LayerDiff(from: nil, to: FilePath(tree)).write(to: output, compression: compression)
  }

  private func unpack(_ layer: String, into directory: String) throws {
    try LayerUnpacker.unpack(
      OwnedDescriptor.open(FilePath(layer)), named: "layer",
      into: OwnedDescriptor.open(FilePath(directory), flags: O_RDONLY | O_DIRECTORY))
  }

  private func inProcess(_ body: () throws -> Void) throws -> Cost {
    try cost(of: RUSAGE_SELF.rawValue) { try body() }
  }

  private func program(_ name: String, _ executable: String, _ arguments: @escaping (String) -> [String]) -> Way {
    guard let path = findExecutable(executable) else {
      var way = Way(name) { _ in throw BenchmarkError("not installed") }
      way.missing = "not installed"
      return way
    }
    return Way(name) { output in
      let log = temporary + "/containr-bench-\(getpid()).log"
      defer { unlink(log) }
      return try cost(of: RUSAGE_CHILDREN.rawValue) { _ = try Launcher(logPath: log).output([path] + arguments(output)) }
    }
  }

  /// An OCI layout with one image of the one layer, which umoci makes itself.
  private func makeImage(_ layout: String, of layer: String) throws {
    let launcher = Launcher(logPath: layout + ".log")
    guard let umoci = findExecutable("umoci") else { return }
    for arguments in [
      ["init", "--layout", layout], ["new", "--image", layout + ":tree"],
      ["raw", "add-layer", "--image", layout + ":tree", layer],
    ] { _ = try launcher.output([umoci] + arguments) }
  }

  private func cost(of who: CInt, _ body: () throws -> Void) throws -> Cost {
    let before = usage(who)
    let begin = monotonicNanoseconds()
    try body()
    let wall = monotonicNanoseconds() - begin
    let after = usage(who)
    return Cost(wall: wall, user: after.user - before.user, system: after.system - before.system)
  }

  private func usage(_ who: CInt) -> (user: UInt64, system: UInt64) {
    var usage = rusage()
    getrusage(who, &usage)
    func nanoseconds(_ time: timeval) -> UInt64 { UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000 }
    return (nanoseconds(usage.ru_utime), nanoseconds(usage.ru_stime))
  }

  private func remove(_ path: String) throws {
    _ = try Launcher(logPath: "/dev/null").run([findExecutable("rm") ?? "/bin/rm", "-rf", "--one-file-system", path])
  }

  // MARK: Table

  private func table(_ title: String, _ ways: [Way]) -> [String] {
    func median(_ way: Way, _ value: (Cost) -> UInt64) -> Double {
      let sorted = way.costs.map(value).sorted()
      return sorted.isEmpty ? 0 : Double(sorted[sorted.count / 2]) / 1e6
    }
    func cpu(_ cost: Cost) -> UInt64 { cost.user + cost.system }
    let ours = (wall: median(ways[0], \.wall), cpu: median(ways[0], cpu))
    var lines = ["", row([title, "wall ms", "user ms", "system ms", "wall / ours", "cpu / ours"])]
    for way in ways {
      if let missing = way.missing {
        lines.append(row([way.name, "-", "-", "-", "-", "missing: \(missing)"]))
        continue
      }
      lines.append(
        row([
          way.name, decimal(median(way, \.wall)), decimal(median(way, \.user)), decimal(median(way, \.system)),
          decimal(median(way, \.wall) / ours.wall), decimal(median(way, cpu) / ours.cpu),
        ]))
    }
    return lines
  }

  private func row(_ cells: [String]) -> String {
    cells.enumerated().map { index, cell in
      let padding = String(repeating: " ", count: max(0, (index == 0 ? 18 : 12) - cell.count))
      return index == 0 ? cell + padding : padding + cell
    }.joined(separator: " ")
  }
}
