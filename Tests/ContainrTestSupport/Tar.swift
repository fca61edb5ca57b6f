/// A tar made by hand, header by header: only so can a test write what no tar program would.
public struct Tar {
  /// The headers and data so far.
  public private(set) var bytes: [UInt8] = []

  /// Starts with no entries.
  public init() {}

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - type: the type flag: 0 file, 1 hard link, 2 symbolic link, 3 and 4 devices, 5 directory, 6 FIFO.
  ///   - headerSize: what the header says of the data's length, where it is not the truth.
  ///   - pax: records of an extended header before the entry.
  public mutating func add(
    _ name: String, type: Character = "0", _ data: String = "", mode: Int = 0o644, uid: Int = 0, gid: Int = 0,
    time: Int = 1_000_000_000, link: String = "", device: (Int, Int) = (0, 0), headerSize: Int? = nil,
    pax: [(String, String)] = []
  ) {
    if !pax.isEmpty {
      let records = pax.map { Self.record($0, $1) }.joined()
      bytes += Self.header("PaxHeader", "x", records.utf8.count, 0o644, 0, 0, 0, "", (0, 0))
      append(Array(records.utf8))
    }
    bytes += Self.header(name, type, headerSize ?? data.utf8.count, mode, uid, gid, time, link, device)
    append(Array(data.utf8))
  }

  /// Adds a directory.
  public mutating func directory(_ name: String, mode: Int = 0o755) { add(name, type: "5", mode: mode) }
  /// Adds a symbolic link.
  public mutating func symbolicLink(_ name: String, to target: String) { add(name, type: "2", link: target) }
  /// Adds a hard link to an earlier entry.
  public mutating func hardLink(_ name: String, to target: String) { add(name, type: "1", link: target) }

  /// The archive with its end mark.
  public var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  private mutating func append(_ data: [UInt8]) {
    bytes += data
    bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }

  private static func record(_ key: String, _ value: String) -> String {
    let body = " \(key)=\(value)\n"
    var length = body.utf8.count
    while "\(length)\(body)".utf8.count != length { length = "\(length)\(body)".utf8.count }
    return "\(length)\(body)"
  }

  private static func header(
    _ name: String, _ type: Character, _ size: Int, _ mode: Int, _ uid: Int, _ gid: Int, _ time: Int, _ link: String,
    _ device: (Int, Int)
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) { block.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
    func octal(_ number: Int, _ width: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: max(width - text.count, 0)) + text
    }
    put(name, at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(uid, 7), at: 108)
    put(octal(gid, 7), at: 116)
    put(octal(size, 11), at: 124)
    put(octal(time, 11), at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(device.0, 7), at: 329)
    put(octal(device.1, 7), at: 337)
    put(octal(block.reduce(0) { $0 + Int($1) }, 6), at: 148)
    block[154] = 0
    return block
  }
}
