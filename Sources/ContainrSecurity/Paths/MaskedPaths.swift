/// Paths of the kernel's file systems that a container must not read.
public enum MaskedPaths {
  /// What Docker documents: files get `/dev/null` over them, directories an empty read-only tmpfs; missing ones are passed over.
  ///
  /// They tell of the host, or of its other users: memory, keys, timers, interrupts (which leak keystrokes), firmware, power use.
  public static let `default`: [String] = [
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
  ]

  /// The thermal files of each processor, which Docker masks as well where they are (`/sys/devices/system/cpu/cpuN`).
  public static func thermalThrottle(processors: Range<Int>) -> [String] {
    processors.map { "/sys/devices/system/cpu/cpu\($0)/thermal_throttle" }
  }
}
