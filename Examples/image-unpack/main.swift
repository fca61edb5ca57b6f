// Loads an image from an archive or layout into a store, and prints what it is made of:
//
//   image-unpack STORE ARCHIVE

import ContainrImage
import Glibc

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
  print("usage: image-unpack STORE ARCHIVE")
  exit(125)
}

do {
  let store = try ImageStore(FilePath(arguments[1]))
  for image in try store.load(FilePath(arguments[2])) {
    print("\(image.reference)  \(image.manifestDigest)")
    print("  runs: \(image.commandLine.joined(separator: " "))")
    for (diffID, layer) in zip(image.config.diffIDs, image.layers) { print("  \(diffID.short)  \(layer)") }
  }
} catch {
  print(error)
  exit(1)
}
