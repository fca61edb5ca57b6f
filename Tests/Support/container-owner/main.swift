// Runs a container until it ends or somebody kills this program, for tests of what a killed program leaves behind:
//
//   container-owner STATE ID ROOT COMMAND…
//
// It prints a line when the container runs.

import ContainrRuntime
import Glibc
import SystemPackage

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count > 3 else {
  print("usage: container-owner STATE ID ROOT COMMAND…")
  exit(125)
}

do {
  let configuration = try ContainerConfiguration(rootFS: RootFS(.directory(FilePath(arguments[2])))) {
    $0.id = try ContainerID(arguments[1])
    $0.process.arguments = Array(arguments[3...])
    $0.process.streams = StandardStreams(input: .null, output: .null, error: .null)
  }
  let state = try StateDirectory(FilePath(arguments[0]))
  let status = try await withContainer(configuration, in: state) { container in
    print("running")
    fflush(nil)
    return try await container.wait()
  }
  exit(status.code)
} catch {
  print(error)
  exit(125)
}
