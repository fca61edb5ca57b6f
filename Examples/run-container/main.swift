// Runs a command, /bin/sh unless told otherwise, in a container whose root is a directory:
//
//   sudo run-container ROOTFS [COMMAND [ARGUMENT…]]

import ContainrRuntime
import Glibc

let arguments = CommandLine.arguments.dropFirst()
guard let root = arguments.first else {
  print("usage: run-container ROOTFS [COMMAND [ARGUMENT…]]")
  exit(125)
}

do {
  let configuration = ContainerConfiguration(rootFS: RootFS(.directory(FilePath(root)))) {
    $0.process.arguments = arguments.count > 1 ? Array(arguments.dropFirst()) : ["/bin/sh"]
    $0.process.streams = .inherited
  }
  let state = try StateDirectory(StateDirectory.standard)
  let status = try await withContainer(configuration, in: state) { try await $0.wait() }
  exit(status.code)
} catch {
  print(error)
  exit(125)
}
