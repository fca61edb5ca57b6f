import ContainrImage
import ContainrRuntime

extension ContainerConfiguration {
  /// A container from an image: its layers, and what its configuration says of command, environment, user, working directory
  /// and volumes (image-spec config.md).
  ///
  /// - Parameters:
  ///   - image: the image.
  ///   - arguments: in place of the image's command; the image's entrypoint comes before them.
  /// - Throws: `INVALID_ARGUMENT`, `SIGNAL` and `USER` for a malformed value in the image.
  public init(image: ResolvedImage, arguments: [String] = []) throws(ContainrError) {
    self.init(rootFS: RootFS(.overlay(OverlayRoot(layers: image.layers, writableLayer: .none))))
    let execution = image.config.config
    process.arguments = execution.entrypoint + (arguments.isEmpty ? execution.command : arguments)
    if !execution.environment.isEmpty { process.environment = execution.environment }
    if !process.environment.contains(where: { $0.hasPrefix("PATH=") }) {
      process.environment.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }
    if let directory = execution.workingDirectory, !directory.isEmpty {
      process.workingDirectory = directory.hasPrefix("/") ? directory : "/" + directory
    }
    if let user = execution.user, !user.isEmpty { process.user = try UserSpecification(parsing: user) }
    for volume in execution.volumes { volumes.append(try RootedPath(volume)) }
    if let signal = execution.stopSignal, !signal.isEmpty { stopSignal = try Signal(parsing: signal) }
    hostFiles = .managed
  }
}
