/// The version of a cgroup hierarchy.
public enum CgroupVersion: Int, Sendable, Hashable, CaseIterable {
  /// One hierarchy for each controller or group of controllers (`cgroups(7)`, `cgroup-v1/cgroups.rst`).
  case v1 = 1
  /// One hierarchy for all controllers (`cgroup-v2.rst`).
  case v2 = 2
}
