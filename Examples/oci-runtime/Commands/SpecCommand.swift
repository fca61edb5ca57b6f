import ContainrRuntime
import Glibc
import SystemPackage

func specCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var bundle: FilePath = "."
  var rootless = false
  while let option = arguments.option() {
    switch option.name {
    case "bundle", "b": bundle = FilePath(try arguments.value(option))
    case "rootless": rootless = try arguments.flag(option)
    default: throw arguments.unknown(option)
    }
  }
  try arguments.end()
  let path = bundle.appending("config.json").string
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else {
    throw .errno(
      .current, .ioFailure, "writing \(path)", call: "open(2)",
      hint: Errno.current == .fileExists ? "File config.json exists. Remove it first" : nil)
  }
  defer { close(descriptor) }
  let bytes = try OCI.RuntimeSpec.example(rootless: rootless).json.serialized(pretty: true)
  guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
    throw .errno(.current, .ioFailure, "writing \(path)", call: "write(2)")
  }
  return 0
}
