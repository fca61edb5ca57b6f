/// The interfaces that a profile opens on one kind of machine: an entry of `archMap` in Docker's profiles.
public struct SeccompArchitectureMapping: Hashable, Sendable {
  /// The machine's own interface. The entry counts on such machines only.
  public var architecture: SeccompArchitecture
  /// The other interfaces that may be used there.
  public var subArchitectures: [SeccompArchitecture]

  /// Makes an entry.
  public init(_ architecture: SeccompArchitecture, _ subArchitectures: [SeccompArchitecture] = []) {
    self.architecture = architecture
    self.subArchitectures = subArchitectures
  }
}
