import ContainrCore

extension JSON {
  /// Reads a document of UTF-8 text.
  ///
  /// Refused are: anything RFC 8259 does not allow, a byte-order mark, text after the value, invalid UTF-8, escapes of lone
  /// surrogates, an object with the same key twice, and numbers that no 64-bit integer or finite double holds.
  ///
  /// - Parameters:
  ///   - bytes: the document.
  ///   - document: what errors call it: a path, or `the image manifest`.
  ///   - limits: the longest and deepest document to accept.
  ///   - code: the code of the errors.
  /// - Throws: `code` with the byte offset and the JSON path of the fault.
  public init(
    parsing bytes: [UInt8], as document: String, limits: Limits = Limits(), code: ContainrError.Code = .invalidArgument
  ) throws(ContainrError) {
    // A closure of withUnsafeBytes has to carry the typed error out as a value.
    let result = bytes.withUnsafeBytes { buffer -> Result<JSON, ContainrError> in
      do throws(ContainrError) {
        return .success(try JSON(parsing: buffer, as: document, limits: limits, code: code))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  /// Reads a document of UTF-8 text from memory.
  ///
  /// - Throws: `code` with the byte offset and the JSON path of the fault.
  public init(
    parsing bytes: UnsafeRawBufferPointer, as document: String, limits: Limits = Limits(),
    code: ContainrError.Code = .invalidArgument
  ) throws(ContainrError) {
    guard UInt64(bytes.count) <= limits.size.bytes else {
      throw ContainrError(
        code, "reading \(document)", hint: "the document is longer than \(limits.size)",
        fields: ["size": "\(bytes.count)", "limit": "\(limits.size.bytes)"])
    }
    var parser = Parser(bytes.bindMemory(to: UInt8.self), depthLimit: limits.depth)
    do throws(Parser.Failure) {
      self = try parser.document()
    } catch {
      throw ContainrError(
        code, "reading \(document)", hint: "byte \(error.offset), \(error.path): \(error.message)",
        fields: ["offset": "\(error.offset)", "path": error.path])
    }
  }
}
