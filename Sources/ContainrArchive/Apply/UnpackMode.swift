/// What a directory that a layer is unpacked into is, which decides what a deletion in the layer becomes.
public enum UnpackMode: Hashable, Sendable {
  /// A lower directory of an overlay, empty so far: deletions become whiteouts of the kernel's (a character device 0/0, and
  /// opaque directories), and hide what is in the layers below.
  case overlay
  /// A copy or snapshot of the layers below, such as a subvolume: deletions delete. It ends as the overlay would show it.
  case tree
  /// A directory that a plain tar is unpacked into: names that begin with `.wh.` are names.
  case plain
}
