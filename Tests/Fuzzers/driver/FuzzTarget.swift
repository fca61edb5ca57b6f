import FuzzedDocuments
import Glibc

/// Which kind of document this run is about: `CONTAINR_FUZZ_DOCUMENT`.
private let document: FuzzedDocument = {
  let name = getenv("CONTAINR_FUZZ_DOCUMENT").map { String(cString: $0) } ?? ""
  guard let document = FuzzedDocument(rawValue: name) else {
    fatalError("CONTAINR_FUZZ_DOCUMENT is one of \(FuzzedDocument.allCases.map(\.rawValue))")
  }
  return document
}()

/// What libFuzzer calls with each input. A finding ends the program, which is how libFuzzer learns of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try document.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
  } catch {
    fatalError("\(error)")
  }
}
