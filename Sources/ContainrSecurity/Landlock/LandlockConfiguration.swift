/// Which Landlock rules a container's processes are under.
public enum LandlockConfiguration: Hashable, Sendable {
  /// What no container needs is denied, where the kernel can and no program would miss it: see
  /// ``ruleset(sharesNetwork:capabilities:)``.
  case automatic
  /// None.
  case off
  /// Rules of the caller's own, with paths inside the container.
  case ruleset(LandlockRuleset)

  /// The rules of a container.
  ///
  /// By default a container on the network of others can connect to none of their abstract unix sockets: these have neither
  /// permissions nor a place in the file tree, so that no other wall stands before them (CVE-2020-15257). That needs
  /// Linux 6.12 and costs 20 µs; a container with a network of its own has no such sockets in reach, and no rules.
  ///
  /// It is no more than that on purpose. Paths are hidden by mounts, which cost less and cannot be told from an empty place.
  /// Rules about files would forbid every mount to a container that may mount, and any rules at all keep a program that is
  /// executed in the container later from tracing the first one: the two are siblings under Landlock. A container with
  /// `CAP_SYS_ADMIN` has none.
  public func ruleset(sharesNetwork: Bool, capabilities: CapabilitySet) -> LandlockRuleset? {
    switch self {
    case .off: nil
    case .ruleset(let ruleset): ruleset
    case .automatic:
      sharesNetwork && !capabilities.contains(.sysAdmin) ? LandlockRuleset(scope: .abstractUnixSocket) : nil
    }
  }
}
