import ContainrCore

/// What `--cap-add` and `--cap-drop` ask for.
public struct CapabilityAdjustment: Hashable, Sendable {
  /// Capabilities to add.
  public var added: CapabilitySet
  /// Capabilities to take away.
  public var dropped: CapabilitySet
  /// Adds every capability that can be given: `--cap-add ALL`.
  public var addsAll: Bool
  /// Begins with none: `--cap-drop ALL`.
  public var dropsAll: Bool

  /// Changes nothing, or what is given.
  public init(
    adding added: CapabilitySet = [], dropping dropped: CapabilitySet = [], addsAll: Bool = false, dropsAll: Bool = false
  ) {
    self.added = added
    self.dropped = dropped
    self.addsAll = addsAll
    self.dropsAll = dropsAll
  }

  /// Reads names as the command line gives them: with or without `CAP_`, in any case; `ALL` stands for all.
  ///
  /// - Throws: `CAPABILITY` for an unknown name.
  public init(add: [String], drop: [String] = []) throws(ContainrError) {
    self.init()
    for name in add {
      if name.uppercased() == "ALL" { addsAll = true } else { added.insert(try Capability(named: name)) }
    }
    for name in drop {
      if name.uppercased() == "ALL" { dropsAll = true } else { dropped.insert(try Capability(named: name)) }
    }
  }

  /// The capabilities of the container: defaults − dropped + added, as Docker documents it.
  ///
  /// With `ALL` added: everything `available` without what is dropped. With `ALL` dropped: what is added and nothing else.
  /// One that is both dropped and added by name is added. Defaults and `ALL` are cut to `available`, because the kernel gives
  /// no child more than its parent has; one asked for by name that is not there is an error.
  ///
  /// - Parameters:
  ///   - defaults: where the calculation begins.
  ///   - available: what can be given, such as ``CapabilitySet/heldByCaller()``.
  /// - Throws: `CAPABILITY` for a named capability outside `available`, `INVALID_CONFIGURATION` for `ALL` on both sides.
  public func resolve(
    from defaults: CapabilitySet = .dockerDefault, available: CapabilitySet
  ) throws(ContainrError) -> CapabilitySet {
    guard !(addsAll && dropsAll) else {
      throw ContainrError(
        .invalidConfiguration, "working out the capabilities", hint: "ALL can be added or dropped, not both")
    }
    guard added.isSubset(of: available) else {
      throw ContainrError(
        .capability, "adding \(added.subtracting(available))",
        hint: "this process does not hold it, or the kernel does not have it")
    }
    if addsAll { return available.subtracting(dropped).union(added) }
    if dropsAll { return added }
    return defaults.limited(to: available).subtracting(dropped).union(added)
  }
}
