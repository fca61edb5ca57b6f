import ContainrCore

extension OCIRuntime {
  /// Creates and starts a container, stands in for its first process until that has ended, and deletes the container.
  ///
  /// Blocks the calling thread. See ``Foreground`` for what happens to signals and the terminal.
  ///
  /// - Parameters:
  ///   - isSubreaper: as ``Foreground/init(isSubreaper:)`` has it (`--no-subreaper` is false).
  ///   - keepsContainer: leaves the stopped container for `delete` (`--keep`).
  /// - Throws: what create and start do; the container is deleted then.
  public func run(
    _ id: ContainerID, _ bundle: Bundle, options: CreateOptions = CreateOptions(), isSubreaper: Bool = true,
    keepsContainer: Bool = false
  ) throws(ContainrError) -> TerminationStatus {
    let foreground = try Foreground(isSubreaper: isSubreaper)
    var options = options
    options.takesTerminal = options.consoleSocket == nil
    let process = try create(id, bundle, options: options)
    do throws(ContainrError) {
      try start(id)
      let status = try foreground.wait(for: process)
      if !keepsContainer { try delete(id, force: true) }
      return status
    } catch {
      try delete(id, force: true)
      throw error
    }
  }
}
