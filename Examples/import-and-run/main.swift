// Imports a tar of a root file system as an image, and runs a command in a container of it:
//
//   sudo import-and-run ROOTFS.tar COMMAND [ARGUMENT…]

import Containr
import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2 else {
  print("usage: import-and-run ROOTFS.tar COMMAND [ARGUMENT…]")
  exit(125)
}

do {
  let store = try ImageStore(StateDirectory.standard.appending("images"))
  let image = try store.import(FilePath(arguments[0]), as: ImageReference("example/imported"))
  var configuration = try ContainerConfiguration(image: image, arguments: Array(arguments.dropFirst()))
  configuration.process.streams = .inherited
  let state = try StateDirectory(StateDirectory.standard)
  let status = try await withContainer(configuration, in: state) { try await $0.wait() }
  exit(status.code)
} catch {
  print(error)
  exit(125)
}
