import ContainrLaunch

extension LaunchPlan {
  /// Loads a filter, which needs no-new-privileges or `CAP_SYS_ADMIN`. What comes after it in the plan is filtered too.
  ///
  /// The listener of one that notifies is sent to the parent, who takes it by ``LaunchSession/receiveDescriptor()`` and answers
  /// from then on.
  public mutating func append(_ filter: SeccompFilter) {
    guard filter.notifies else {
      append(.seccomp(filter: filter.bytes, flags: filter.flags.rawValue))
      return
    }
    let listener = makeSlot()
    append(.seccomp(filter: filter.bytes, flags: filter.flags.rawValue, listener: listener))
    append(.send(listener, socket: makeParentSocket(), mark: filter.mark))
  }
}
