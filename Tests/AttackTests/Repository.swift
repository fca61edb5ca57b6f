import SystemPackage

/// The sources that these tests were built from.
enum Repository {
  /// The top directory.
  static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
}
