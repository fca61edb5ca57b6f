import ContainrCore

/// Runs a process in namespaces as long as a closure runs, then kills it if it still runs, and gives its status.
///
/// ```
/// let (_, status) = try await withNamespacedProcess(configuration) { process in try await process.wait() }
/// ```
///
/// On return, throw and cancellation alike the process is gone and reaped; with a new pid namespace so is every other process
/// in it.
///
/// - Returns: what the closure returns, and how the process ended.
/// - Throws: what ``NamespacedProcess/spawn(_:)`` throws, and what the closure throws.
public func withNamespacedProcess<Result>(
  _ configuration: SpawnConfiguration, isolation: isolated (any Actor)? = #isolation,
  _ body: (NamespacedProcess) async throws -> Result
) async throws -> (result: Result, status: TerminationStatus) {
  let process = try await NamespacedProcess.spawn(configuration)
  let outcome: Swift.Result<Result, any Error>
  do { outcome = .success(try await body(process)) } catch { outcome = .failure(error) }
  let status = try await process.end()
  return (try outcome.get(), status)
}
