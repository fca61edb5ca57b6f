import Glibc

/// The header of one tar entry, with the extended header before it where one is needed (pax, POSIX.1-2017 pax(1)).
///
/// The bytes depend on the entry and nothing else: no version of a library, no process id and no user name goes into them, so
/// that the same tree gives the same digest everywhere. That is why libarchive, which reads layers, does not write them.
struct TarHeader {
  /// The path between slashes, without a slash at its start.
  var path: [UInt8]
  var type: UInt8
  var mode: mode_t = 0
  var owner: uid_t = 0
  var group: gid_t = 0
  /// How many bytes follow.
  var size: UInt64 = 0
  var modified = timespec()
  var linkTarget: [UInt8] = []
  var device: (major: UInt32, minor: UInt32) = (0, 0)
  var attributes: [ExtendedAttribute] = []
  /// The length of a sparse file with its holes; `size` is then that of the map and the data.
  var sparseLength: UInt64?

  /// Appends the blocks.
  func append(to output: inout [UInt8]) {
    var records: [UInt8] = []
    appendRecords(to: &records)
    if !records.isEmpty {
      Self.block(
        TarHeader(path: Array("PaxHeader".utf8), type: UInt8(ascii: "x"), mode: 0o644, size: UInt64(records.count)),
        to: &output)
      output += records
      output += repeatElement(0, count: (512 - records.count % 512) % 512)
    }
    var header = self
    if sparseLength != nil { header.path = Array("GNUSparseFile.0/".utf8) + (path.split(separator: 0x2F).last ?? []) }
    Self.block(header, to: &output)
  }

  private static let nameLimit = 100
  private static let octalLimit: UInt64 = 1 << 33
  private static let idLimit: UInt32 = 1 << 21

  /// What the old header cannot hold, in a fixed order.
  private func appendRecords(to records: inout [UInt8]) {
    let text: [(key: String, value: [UInt8])] = [
      (sparseLength == nil ? "path" : "GNU.sparse.name", path), ("linkpath", linkTarget),
    ].filter { $0.value.count > Self.nameLimit || $0.key == "GNU.sparse.name" || $0.value.contains { $0 >= 0x80 } }
    // Names are bytes. Readers take those in a pax header for UTF-8 unless it says otherwise.
    if text.contains(where: { String(validating: $0.value, as: UTF8.self) == nil }) {
      Self.record("hdrcharset", Array("BINARY".utf8), to: &records)
    }
    if let sparseLength {
      Self.record("GNU.sparse.major", [0x31], to: &records)
      Self.record("GNU.sparse.minor", [0x30], to: &records)
      Self.record("GNU.sparse.realsize", Array("\(sparseLength)".utf8), to: &records)
    }
    for (key, value) in text { Self.record(key, value, to: &records) }
    if size >= Self.octalLimit { Self.record("size", Array("\(size)".utf8), to: &records) }
    if owner >= Self.idLimit { Self.record("uid", Array("\(owner)".utf8), to: &records) }
    if group >= Self.idLimit { Self.record("gid", Array("\(group)".utf8), to: &records) }
    if modified.tv_nsec != 0 || modified.tv_sec < 0 || modified.tv_sec >= 1 << 33 {
      Self.record("mtime", Array(modified.decimal.utf8), to: &records)
    }
    for attribute in attributes { Self.record("SCHILY.xattr." + attribute.name, attribute.value, to: &records) }
  }

  /// `length key=value\n`, where the length counts its own digits.
  private static func record(_ key: String, _ value: [UInt8], to records: inout [UInt8]) {
    let rest = 1 + key.utf8.count + 1 + value.count + 1
    var length = rest
    while "\(length)".utf8.count + rest != length { length = "\(length)".utf8.count + rest }
    records += "\(length) \(key)=".utf8
    records += value
    records.append(0x0A)
  }

  private static func block(_ header: TarHeader, to output: inout [UInt8]) {
    let start = output.count
    output += repeatElement(0, count: 512)
    output.withUnsafeMutableBufferPointer { buffer in
      let block = UnsafeMutableBufferPointer(rebasing: buffer[start...])
      put(header.path.prefix(nameLimit), at: 0, in: block)
      octal(UInt64(header.mode & 0o7777), digits: 7, at: 100, in: block)
      octal(header.owner < idLimit ? UInt64(header.owner) : 0, digits: 7, at: 108, in: block)
      octal(header.group < idLimit ? UInt64(header.group) : 0, digits: 7, at: 116, in: block)
      size(header.size, in: block)
      let seconds = header.modified.tv_sec
      octal(seconds >= 0 && seconds < 1 << 33 ? UInt64(seconds) : 0, digits: 11, at: 136, in: block)
      block[156] = header.type
      put(header.linkTarget.prefix(nameLimit), at: 157, in: block)
      put("ustar\u{0}00".utf8, at: 257, in: block)
      octal(UInt64(header.device.major), digits: 7, at: 329, in: block)
      octal(UInt64(header.device.minor), digits: 7, at: 337, in: block)
      put(repeatElement(0x20, count: 8), at: 148, in: block)
      octal(UInt64(block.reduce(0) { $0 + Int($1) }), digits: 6, at: 148, in: block)
      block[154] = 0
    }
  }

  private static func put(_ bytes: some Sequence<UInt8>, at offset: Int, in block: UnsafeMutableBufferPointer<UInt8>) {
    var place = offset
    for byte in bytes {
      block[place] = byte
      place += 1
    }
  }

  private static func octal(_ number: UInt64, digits: Int, at offset: Int, in block: UnsafeMutableBufferPointer<UInt8>) {
    var rest = number
    for place in stride(from: offset + digits - 1, through: offset, by: -1) {
      block[place] = 0x30 + UInt8(rest & 7)
      rest >>= 3
    }
  }

  /// Octal below 8 GiB. Above, GNU's binary form says the same as the pax record: a reader that knows one of the two only
  /// must not lose its place.
  private static func size(_ size: UInt64, in block: UnsafeMutableBufferPointer<UInt8>) {
    guard size >= octalLimit else { return octal(size, digits: 11, at: 124, in: block) }
    block[124] = 0x80
    for index in 0..<8 { block[135 - index] = UInt8(truncatingIfNeeded: size >> (8 * UInt64(index))) }
  }
}

extension timespec {
  /// Seconds with as many decimals as are needed.
  fileprivate var decimal: String {
    // tv_nsec counts forward even before 1970: -1.5 is -2 and 500,000,000.
    let isNegative = tv_sec < 0
    let seconds = isNegative && tv_nsec > 0 ? tv_sec + 1 : tv_sec
    let nanoseconds = isNegative && tv_nsec > 0 ? 1_000_000_000 - tv_nsec : tv_nsec
    let whole = (isNegative ? "-" : "") + "\(seconds.magnitude)"
    guard nanoseconds > 0 else { return whole }
    var fraction = String(nanoseconds)
    fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return whole + "." + fraction
  }
}
