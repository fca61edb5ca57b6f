import ContainrCore
import ContainrOCI
import Testing

private func read(_ text: String, limits: JSON.Limits = JSON.Limits()) throws -> JSON {
  try JSON(parsing: Array(text.utf8), as: "a test", limits: limits)
}

@Suite struct JSONReadingTests {
  @Test(
    arguments: [
      ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)), ("0", 0), ("-0", 0), ("-12", -12),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .unsigned(1 << 63)), ("18446744073709551615", .unsigned(.max)),
      ("1.5", .double(1.5)), ("-2e3", .double(-2000)), ("1E-2", .double(0.01)), ("1.0", .double(1)),
      (#""""#, ""), (#""a\/b\n\t\"\\\b\f\r""#, "a/b\n\t\"\\\u{8}\u{C}\r"), (#""\u00e9\uD83D\uDE00""#, "é😀"), ("\"é😀\"", "é😀"),
      ("[]", []), ("[1, [2], {}]", [1, [2], [:]]), ("{}", [:]), (#"{"b": 1, "a": {"c": null}}"#, ["b": 1, "a": ["c": .null]]),
    ] as [(String, JSON)])
  func readsEveryKindOfValue(text: String, value: JSON) throws {
    #expect(try read(text) == value)
  }

  @Test(
    arguments: [
      ("", 0, "$", "expected a value"), ("  ", 2, "$", "end of the document"), ("1 2", 2, "$", "end of the document"),
      ("tru", 0, "$", "expected a value"), ("nul", 0, "$", "expected a value"), ("'a'", 0, "$", "expected a value"),
      ("01", 0, "$", "leading zero"), ("-", 1, "$", "digit"), ("1.", 2, "$", "digit"), ("1e", 2, "$", "digit"),
      (".5", 0, "$", "expected a value"), ("+1", 0, "$", "expected a value"), ("NaN", 0, "$", "expected a value"),
      ("18446744073709551616", 0, "$", "out of range"), ("-9223372036854775809", 0, "$", "out of range"),
      ("1e999", 0, "$", "out of range"),
      ("[1,]", 3, "$[1]", "expected a value"), ("[1", 2, "$", "expected , or ]"), ("[", 1, "$[0]", "expected a value"),
      ("{\"a\":1,}", 7, "$", "expected a key"), ("{\"a\" 1}", 5, "$", "expected :"), ("{a:1}", 1, "$", "expected a key"),
      ("{\"a\":[0,{\"b c\":x}]}", 15, #"$.a[1]["b c"]"#, "expected a value"),
      ("{\"a\":1,\"\\u0061\":2}", 7, "$", "occurs twice"),
      ("\"a", 2, "$", "without an end"), ("\"a\\", 3, "$", "without an end"), ("\"a\nb\"", 2, "$", "control character"),
      ("\"\\n\u{1}\"", 3, "$", "control character"), ("\"\\x\"", 2, "$", "unknown escape"),
      ("\"\\u12\"", 5, "$", "hexadecimal"),
      ("\"\\ud800\"", 1, "$", "surrogate"), ("\"\\ud800\\u0041\"", 1, "$", "surrogate"), ("\"\\udc00\"", 1, "$", "surrogate"),
      ("\u{FEFF}1", 0, "$", "expected a value"), ("// c\n1", 0, "$", "expected a value"),
    ])
  func refusesWhatTheStandardDoesNotAllow(text: String, offset: Int, path: String, message: String) {
    let error = #expect(throws: ContainrError.self) { try read(text) }
    #expect(error?.fields == ["offset": "\(offset)", "path": path])
    #expect(error?.hint?.contains(message) == true)
  }

  @Test(arguments: [
    [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0xFF, 0x22],
  ])
  func refusesInvalidUTF8(bytes: [Int]) {
    let error = #expect(throws: ContainrError.self) { try JSON(parsing: bytes.map(UInt8.init), as: "a test") }
    #expect(error?.hint?.contains("UTF-8") == true)
  }

  @Test func refusesAKeyTwiceInALargeObjectToo() {
    let members = (0..<1000).map { "\"k\($0)\":0" } + ["\"k3\":1"]
    let error = #expect(throws: ContainrError.self) { try read("{" + members.joined(separator: ",") + "}") }
    #expect(error?.hint?.contains("\"k3\" occurs twice") == true)
  }

  @Test func stopsAtTheLimits() throws {
    let limits = JSON.Limits(size: 20, depth: 3)
    #expect(try read("[[[0]],[[0]]]", limits: limits) == [[[0]], [[0]]])
    #expect(throws: ContainrError.self) { try read("[[[[]]]]", limits: limits) }
    #expect(throws: ContainrError.self) { try read("[" + String(repeating: " ", count: 20) + "]", limits: limits) }
    // A stack overflow would kill the process, so this reaches the limit and nothing else.
    #expect(throws: ContainrError.self) { try read(String(repeating: "[", count: 1_000_000)) }
  }

  @Test func keepsTheOrderOfKeys() throws {
    guard case .object(let object) = try read(#"{"z":1,"a":2,"m":3}"#) else { return #expect(Bool(false)) }
    #expect(object.members.map(\.key) == ["z", "a", "m"])
    #expect(object["m"] == 3)
    #expect(object["q"] == nil)
  }

  @Test func survivesEveryTruncationAndMutation() throws {
    let document = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null,"c":true}],"d":18446744073709551615}"#.utf8)
    for end in 0..<document.count {
      #expect(throws: ContainrError.self) { try JSON(parsing: Array(document[..<end]), as: "t") }
    }
    for index in document.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = document
        changed[index] = byte
        // Whatever is still accepted must be writable, and read back as the same value.
        guard let value = accepted(changed) else { continue }
        #expect(try JSON(parsing: value.serialized(), as: "t") == value)
      }
    }
  }

  private func accepted(_ bytes: [UInt8]) -> JSON? {
    do { return try JSON(parsing: bytes, as: "t") } catch { return nil }
  }
}

@Suite struct JSONWritingTests {
  private let value: JSON = [
    "text": "a\"\\\n\u{1}é/", "numbers": [1, -2, .unsigned(.max), .double(0.5), .double(1e300)], "empty": [[:], []],
    "flag": false, "nothing": .null,
  ]

  @Test func writesCompactTextInTheOrderOfKeys() throws {
    let expected =
      #"{"text":"a\"\\\n\u0001é/","numbers":[1,-2,18446744073709551615,0.5,1e+300],"empty":[{},[]],"flag":false,"nothing":null}"#
    #expect(try value.text() == expected)
    #expect(try JSON(parsing: value.serialized(), as: "t") == value)
  }

  @Test func writesTextForPeople() throws {
    let small: JSON = ["a": [1, ["b": "c"]], "d": [:]]
    #expect(
      try small.text(pretty: true) == """
        {
          "a": [
            1,
            {
              "b": "c"
            }
          ],
          "d": {}
        }

        """)
    #expect(try JSON(parsing: value.serialized(pretty: true), as: "t") == value)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func refusesNumbersThatJSONCannotWrite(number: Double) {
    #expect(throws: ContainrError.self) { try JSON.double(number).serialized() }
  }
}

@Suite struct JSONCursorTests {
  private func cursor(_ text: String) throws -> JSON.Cursor {
    JSON.Cursor(try read(text), document: "config.json", code: .invalidConfiguration)
  }

  @Test func namesTheDocumentAndThePathOfAWrongValue() throws {
    let root = try cursor(#"{"config":{"Env":["A=1","B=2",3]}}"#)
    let error = #expect(throws: ContainrError.self) { try root.required("config").strings("Env") }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.activity == "reading config.json")
    #expect(error?.hint == "$.config.Env[2]: expected a string, found an integer")
  }

  @Test func treatsNullAsMissing() throws {
    let root = try cursor(#"{"a":null}"#)
    #expect(try root.string("a") == nil)
    #expect(try root.string("b") == nil)
    #expect(try root.has("a"))
    let error = #expect(throws: ContainrError.self) { try root.required("a") }
    #expect(error?.hint == "$: the key \"a\" is missing")
  }

  @Test func convertsIntegersExactly() throws {
    let root = try cursor(#"{"a":255,"b":256,"c":-1,"d":1.0,"e":18446744073709551615}"#)
    #expect(try root.integer("a", UInt8.self) == 255)
    #expect(throws: ContainrError.self) { try root.integer("b", UInt8.self) }
    #expect(throws: ContainrError.self) { try root.integer("c", UInt64.self) }
    #expect(throws: ContainrError.self) { try root.integer("d", Int.self) }
    #expect(try root.integer("e", UInt64.self) == .max)
    #expect(throws: ContainrError.self) { try root.integer("e", Int64.self) }
    #expect(try root.double("d") == 1)
  }

  @Test func cutsAHostileKeyInAnError() throws {
    let root = try cursor("{\"\\n\(String(repeating: "x", count: 5000))\":{}}")
    let error = #expect(throws: ContainrError.self) { try root.stringMap() }
    let hint = try #require(error?.hint)
    #expect(hint.count < 200 && !hint.contains("\n"))
  }
}
