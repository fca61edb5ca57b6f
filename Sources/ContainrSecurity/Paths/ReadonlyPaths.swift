/// Paths of the kernel's file systems that a container may read and not write.
public enum ReadonlyPaths {
  /// What Docker documents: settings of the whole machine; missing ones are passed over.
  public static let `default`: [String] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}
