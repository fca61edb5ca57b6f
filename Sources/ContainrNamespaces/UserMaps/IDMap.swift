import ContainrCore

/// A map of user or group ids of a user namespace, validated as the kernel will (`kernel/user_namespace.c`).
public struct IDMap: Hashable, Sendable {
  /// The lines, in the order given.
  public let mappings: [IDMapping]

  /// The most lines that the kernel takes (Linux 4.15).
  public static let maximumLines = 340

  /// Validates a map.
  ///
  /// - Throws: `ID_MAPPING` for an empty map, more than 340 lines, a line of no ids, one that goes past 4294967294, and
  ///   lines that overlap inside or outside.
  public init(_ mappings: [IDMapping]) throws(ContainrError) {
    guard !mappings.isEmpty, mappings.count <= Self.maximumLines else {
      throw Self.error("a map has 1 to \(Self.maximumLines) lines, this one \(mappings.count)")
    }
    for mapping in mappings {
      guard mapping.count > 0 else { throw Self.error("\(mapping.text) maps nothing") }
      // 4294967295 is no id: it means "unchanged" to chown(2) and setresuid(2).
      let limit = UInt64(UInt32.max)
      guard mapping.containerRange.upperBound <= limit, mapping.hostRange.upperBound <= limit else {
        throw Self.error("\(mapping.text) goes past the last id, 4294967294")
      }
    }
    try Self.checkOverlaps(mappings, \.containerRange, "inside")
    try Self.checkOverlaps(mappings, \.hostRange, "outside")
    self.mappings = mappings
  }

  /// The map of one line.
  public init(containerID: UInt32 = 0, hostID: UInt32, count: UInt32 = 1) throws(ContainrError) {
    try self.init([IDMapping(containerID: containerID, hostID: hostID, count: count)])
  }

  /// The id outside for one inside; nil where it is not mapped.
  public func hostID(of id: UInt32) -> UInt32? {
    mappings.first { $0.containerRange.contains(UInt64(id)) }.map { $0.hostID + (id - $0.containerID) }
  }

  /// The id inside for one outside; nil where it is not mapped, and shows as the overflow id 65534.
  public func containerID(of id: UInt32) -> UInt32? {
    mappings.first { $0.hostRange.contains(UInt64(id)) }.map { $0.containerID + (id - $0.hostID) }
  }

  /// The text for `/proc/PID/uid_map`.
  public var text: String { mappings.map { $0.text + "\n" }.joined() }

  /// Whether an unprivileged user may write it: one id, which is their own.
  func mapsOnly(_ id: UInt32) -> Bool { mappings.count == 1 && mappings[0].count == 1 && mappings[0].hostID == id }

  private static func checkOverlaps(
    _ mappings: [IDMapping], _ range: (IDMapping) -> Range<UInt64>, _ side: String
  ) throws(ContainrError) {
    let sorted = mappings.sorted { range($0).lowerBound < range($1).lowerBound }
    for (first, second) in zip(sorted, sorted.dropFirst()) where range(first).upperBound > range(second).lowerBound {
      throw error("\(first.text) and \(second.text) overlap \(side)")
    }
  }

  private static func error(_ hint: String) -> ContainrError {
    ContainrError(.idMapping, "checking an id map", hint: hint)
  }
}

extension IDMapping {
  /// `0 100000 65536`
  var text: String { "\(containerID) \(hostID) \(count)" }
}
