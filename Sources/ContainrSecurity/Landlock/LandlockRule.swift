/// What a Landlock rule set grants.
public enum LandlockRule: Hashable, Sendable {
  /// Rights on a path and everything below it. A symbolic link in it is followed, inside the container's root where there is
  /// one. `mayBeMissing` passes over a path that is not there.
  case path(String, LandlockFileAccess, mayBeMissing: Bool = false)
  /// Rights on a TCP port. Port 0 stands for the ports that the kernel chooses.
  case port(UInt16, LandlockNetworkAccess)
}
