import ContainrCore

/// Watches what system calls a program makes, and proposes the smallest profile that lets it run again.
///
/// The program runs under ``filter()``, which stops it at each call until the recorder has noted it; it does not notice, but
/// for the time that takes.
///
/// ```swift
/// plan.append(try SeccompRecorder.filter())
/// …
/// var recorder = SeccompRecorder()
/// try await recorder.record(listener)
/// try recorder.profile().save("/etc/containr/web.json")
/// ```
///
/// Calls that a run did not make, of an error path or another kernel's C library, are not in it: record several runs with one
/// recorder.
public struct SeccompRecorder: Sendable {
  /// The numbers of the calls that were made, by interface.
  public private(set) var calls: [SeccompArchitecture: Set<UInt32>] = [:]

  /// Makes an empty recorder.
  public init() {}

  /// The filter to record under: every call notifies.
  ///
  /// - Throws: nothing in practice; `SECCOMP`.
  public static func filter() throws(ContainrError) -> SeccompFilter {
    try SeccompFilter(compiling: SeccompProfile(defaultAction: .notify))
  }

  /// Notes each call and lets it continue, until no process has the filter any more.
  ///
  /// - Throws: what ``SeccompListener`` throws; `CancellationError`.
  public mutating func record(_ listener: SeccompListener) async throws {
    for try await request in listener {
      calls[request.architecture, default: []].insert(request.number)
      try request.answer(.continue)
    }
  }

  /// The calls that no table has a name for, which no profile can name.
  public var unnamed: [SeccompArchitecture: Set<UInt32>] {
    var unnamed: [SeccompArchitecture: Set<UInt32>] = [:]
    for (architecture, numbers) in calls {
      let unknown = numbers.filter { SystemCallTable.name(of: $0, on: architecture) == nil }
      if !unknown.isEmpty { unnamed[architecture] = unknown }
    }
    return unnamed
  }

  /// A profile that lets through what was recorded, on the interfaces it was made by.
  ///
  /// - Parameter defaultAction: what happens to everything else.
  public func profile(defaultAction: SeccompAction = .errno(1)) -> SeccompProfile {
    var names: Set<String> = []
    for (architecture, numbers) in calls {
      names.formUnion(numbers.compactMap { SystemCallTable.name(of: $0, on: architecture) })
    }
    let architectures = SeccompArchitecture.ofMachine.filter { $0 == .native || calls[$0] != nil }
    return SeccompProfile(
      defaultAction: defaultAction, newerCalls: .errno(38), architectures: architectures,
      rules: names.isEmpty ? [] : [SeccompRule(.allow, names.sorted())])
  }
}
