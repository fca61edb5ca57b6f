import ContainrRuntime
import Glibc

/// Programs and files of the host that commands make use of.
enum HostProgram {
  /// What a program of the host writes to its standard output.
  static func output(_ name: String, _ arguments: [String]) throws(ContainrError) -> String {
    let command = ([name] + arguments).map {
      "'" + $0.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }.joined(separator: " ")
    guard let pipe = popen(command, "re") else {
      throw .errno(.current, .ioFailure, "running \(name)", call: "popen(3)")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = fread(&buffer, 1, buffer.count, pipe)
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    guard pclose(pipe) == 0 else { throw ContainrError(.ioFailure, "running \(name)", hint: "it failed") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Standard input to its end.
  static func standardInput() throws(ContainrError) -> [UInt8] { try [UInt8](contentsOfHostFile: "/dev/stdin") }
}

extension [UInt8] {
  /// A whole file of the host.
  init(contentsOfHostFile path: String) throws(ContainrError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .errno(.current, .ioFailure, "opening \(path)", call: "open(2)") }
    defer { close(descriptor) }
    self = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 { throw .errno(.current, .ioFailure, "reading \(path)", call: "read(2)") }
      if count == 0 { return }
      self += buffer[..<count]
      guard self.count <= 16 << 20 else {
        throw ContainrError(.resourceExhausted, "reading \(path)", hint: "it is longer than 16 MiB")
      }
    }
  }
}
