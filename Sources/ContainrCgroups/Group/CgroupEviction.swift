/// What ``Cgroup/remove(evicting:timeout:)`` does with processes that are in the way.
public enum CgroupEviction: Sendable, Hashable {
  /// Nothing: they are waited for.
  case wait
  /// They are killed.
  case kill
  /// They are moved into another cgroup, which has a directory in each of the same hierarchies.
  case move(to: Cgroup)
}
