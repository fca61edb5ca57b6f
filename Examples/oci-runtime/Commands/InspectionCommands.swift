import ContainrRuntime
import Glibc
import SystemPackage

func listCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var format = "table"
  var quiet = false
  while let option = arguments.option() {
    switch option.name {
    case "format", "f": format = try arguments.value(option)
    case "quiet", "q": quiet = try arguments.flag(option)
    default: throw arguments.unknown(option)
    }
  }
  try arguments.end()
  let containers = try context.runtime.list()
  if quiet {
    for container in containers { Output.line(container.state.id) }
    return 0
  }
  switch format {
  case "table":
    let rows = containers.map { container in
      [
        container.state.id, String(container.state.pid ?? 0), container.state.status.rawValue, container.state.bundle,
        container.created, ownerName(container.owner),
      ]
    }
    printTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows)
  case "json": Output.line(try JSON.array(containers.map(\.json)).text())
  default: throw Arguments.wrong("invalid format option: \(format)")
  }
  return 0
}

func psCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var format = "table"
  while let option = arguments.option() {
    switch option.name {
    case "format", "f": format = try arguments.value(option)
    default: throw arguments.unknown(option)
    }
  }
  let id = try arguments.id()
  let processes = try context.runtime.processes(id)
  switch format {
  case "json":
    Output.line(try JSON.array(processes.map { .integer(Int64($0)) }).text())
    return 0
  case "table":
    // ps(1) knows the columns that people ask for; only the lines of the container's processes are of interest.
    let own = arguments.rest.isEmpty ? ["-ef"] : arguments.rest
    let text = try HostProgram.output("ps", own)
    let lines = text.split(separator: "\n").map(String.init)
    guard let header = lines.first, let column = header.split(separator: " ").firstIndex(of: "PID") else {
      throw ContainrError(.invalidArgument, "running ps", hint: "couldn't find PID field in ps output")
    }
    Output.line(header)
    let wanted = Set(processes.map(String.init))
    for line in lines.dropFirst() {
      let fields = line.split(separator: " ")
      if fields.count > column, wanted.contains(String(fields[column])) { Output.line(line) }
    }
    return 0
  default: throw Arguments.wrong("invalid format option: \(format)")
  }
}

/// The name of a user of the host; `#` and the id where it has none.
private func ownerName(_ uid: UInt32) -> String {
  guard case .success(let bytes) = Result(catching: { try [UInt8](contentsOfHostFile: "/etc/passwd") }) else {
    return "#\(uid)"
  }
  for line in bytes.split(separator: UInt8(ascii: "\n")) {
    let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    if fields.count > 2, String(decoding: fields[2], as: UTF8.self) == String(uid) {
      return String(decoding: fields[0], as: UTF8.self)
    }
  }
  return "#\(uid)"
}

/// Columns as wide as their widest cell.
private func printTable(_ rows: [[String]]) {
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  for row in rows {
    var line = ""
    for (column, cell) in row.enumerated() {
      line += cell
      if column < row.count - 1 { line += String(repeating: " ", count: max(0, max(11, widths[column]) - cell.count) + 1) }
    }
    Output.line(line)
  }
}
