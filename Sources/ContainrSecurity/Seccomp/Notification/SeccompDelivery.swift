/// What became of an answer.
public enum SeccompDelivery: Hashable, Sendable {
  /// The process has it.
  case delivered
  /// Nobody waits for it any more: the process was killed, or a signal interrupted its call.
  case processGone
}
