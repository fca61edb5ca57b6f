import ArgumentParser
import Containr
import ContainrCore
import Glibc
import SystemPackage

/// `containr images`: what is in the store.
struct ImagesCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(commandName: "images", abstract: "List images.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Flag(name: .shortAndLong, help: "Print ids only.")
  var quiet = false

  @Flag(help: "Print ids in full.")
  var noTrunc = false

  func work() async throws -> Int32 {
    let images = try global.images().list().sorted { $0.reference.description < $1.reference.description }
    func id(_ digest: Digest) -> String { noTrunc ? digest.description : digest.short }
    if quiet {
      for image in images { Console.output(id(image.configDigest)) }
      return 0
    }
    Console.table(
      [["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]]
        + images.map { image in
          [
            image.reference.familiarName, image.reference.tag ?? "<none>", id(image.configDigest),
            image.created.map { String($0.prefix(19)) } ?? "-", image.size.description,
          ]
        })
    return 0
  }
}

/// `containr load`: images from an archive or a layout.
struct LoadCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Load images from an OCI layout (directory or tar) or a docker archive.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The name of the image, in place of what the archive says.", valueName: "image"))
  var tag: String?

  @Argument(help: "The archive or directory; - is an archive on standard input.")
  var path: String

  func work() async throws -> Int32 {
    let loaded = try await global.images().load(try inputFile(path), as: try tag.map { try ImageReference($0) })
    for image in loaded { Console.output("Loaded image: \(image.reference)") }
    return 0
  }
}

/// `containr import`: a file system as an image of one layer.
struct ImportCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make an image of one layer from a tar archive of a file system.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Argument(help: "The archive, plain or compressed; - is standard input.")
  var path: String

  @Argument(help: "The name of the image.")
  var image: String

  func work() async throws -> Int32 {
    let image = try await global.images().import(try inputFile(path), as: try ImageReference(image))
    Console.output(image.configDigest.description)
    return 0
  }
}

/// The file that a command reads: `-` is standard input.
private func inputFile(_ path: String) throws -> FilePath {
  if path == "-" { return "/dev/stdin" }
  guard access(path, R_OK) == 0 else {
    throw ContainrError.errno(
      Errno(rawValue: errno), .ioFailure, "opening \(path)", call: "access(2)",
      hint: "name a file that is there and may be read, or - for standard input")
  }
  return FilePath(path)
}
