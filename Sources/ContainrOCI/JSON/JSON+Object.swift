extension JSON {
  /// The members of a JSON object, in the order of the document; no key occurs twice.
  ///
  /// A key is found by a walk over the members: objects of configuration documents have few.
  public struct Object: Sendable, Hashable {
    /// One name with its value.
    public struct Member: Sendable, Hashable {
      /// The name.
      public let key: String
      /// The value.
      public internal(set) var value: JSON
    }

    /// The members in their order.
    public private(set) var members: [Member] = []

    /// An object without members.
    public init() {}

    /// Takes members whose keys are known to differ.
    init(distinct members: [Member]) { self.members = members }

    /// The value of a key. Assigning keeps the key's place, or appends it; nil removes it.
    public subscript(key: String) -> JSON? {
      get { members.first { $0.key == key }?.value }
      set {
        let position = members.firstIndex { $0.key == key }
        switch (position, newValue) {
        case (let position?, let value?): members[position].value = value
        case (let position?, nil): members.remove(at: position)
        case (nil, let value?): members.append(Member(key: key, value: value))
        case (nil, nil): break
        }
      }
    }

    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }
  }
}
