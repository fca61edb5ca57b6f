import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

extension SnapshotDirectory {
  /// Opens a store, or makes one, and removes what killed processes left.
  package init(_ driver: SnapshotDriver, at root: FilePath) throws(ContainrError) {
    guard root.isAbsolute else {
      throw ContainrError(.invalidArgument, "opening the snapshots at \(root)", hint: "the store is an absolute path")
    }
    places = SnapshotPlaces(root: root)
    // Mode 711: a container's user must get to its root, and see nobody else's.
    try FileTree.makeDirectories(root, mode: 0o711)
    for (path, mode) in [(places.names, 0o700), (places.snapshots, 0o711), (places.staging, 0o711), (places.trash, 0o700)] {
      try FileTree.makeDirectories(path, mode: mode_t(mode))
    }
    let lock = try StoreLock(places.lock)
    backend = try Self.backend(driver, places)
    let leftovers = try collectLeftovers()
    lock.unlock()
    for leftover in leftovers {
      try backend.delete(leftover.id, at: leftover.place, places)
      Glibc.close(leftover.holder)
    }
  }

  // MARK: The driver

  private static func backend(
    _ driver: SnapshotDriver, _ places: SnapshotPlaces
  ) throws(ContainrError) -> any SnapshotBackend {
    let text = try FileContents.textIfPresent(places.description)
    var known: JSON.Cursor?
    if let text {
      let document = places.description.string
      known = JSON.Cursor(
        try JSON(parsing: Array(text.utf8), as: document, code: .ioFailure), document: document, code: .ioFailure)
    }
    if let known {
      let version = try known.required("version").integer(Int.self)
      guard version == 1 else {
        throw ContainrError(.unsupported, "opening the snapshots at \(places.root)", hint: "the store has format \(version)")
      }
      let name = try known.required("driver").string()
      guard name == driver.name else { throw conflict(places, "the store was made with the driver \(name)") }
    }
    var description: JSON.Object = JSON.Object()
    description["version"] = 1
    description["driver"] = .string(driver.name)
    let backend: any SnapshotBackend
    switch driver {
    case .overlay(let features):
      let chosen: OverlayFeatures
      if let features {
        chosen = features
      } else {
        chosen = try OverlayBackend.features(storedAs: try known?.string("attributes"))
      }
      let overlay = OverlayBackend(features: chosen)
      try overlay.validate()
      let attributes = overlay.features.contains(.userAttributes) ? "user" : "trusted"
      if let stored = try known?.string("attributes"), stored != attributes {
        throw conflict(places, "the store's layers have \(stored) attributes")
      }
      description["attributes"] = .string(attributes)
      backend = overlay
    case .copy: backend = CopyBackend()
    case .btrfs:
      backend = try BtrfsBackend(places)
    case .zfs(let dataset):
      if let stored = try known?.string("dataset"), stored != dataset { throw conflict(places, "the store is in \(stored)") }
      description["dataset"] = .string(dataset)
      backend = try ZFSBackend(dataset: dataset)
    }
    if known == nil {
      try FileContents.replace(places.description, with: try JSON.object(description).serialized(), durable: true)
    }
    return backend
  }

  private static func conflict(_ places: SnapshotPlaces, _ hint: String) -> ContainrError {
    ContainrError(.invalidConfiguration, "opening the snapshots at \(places.root)", hint: hint)
  }

  // MARK: What killed processes left

  private struct Leftover {
    var id: UInt64
    var place: FilePath
    /// A locked descriptor: another opening leaves the place alone.
    var holder: CInt
  }

  /// Takes everything that no living process holds out of the indexes; deleting it can wait until the store is unlocked.
  private func collectLeftovers() throws(ContainrError) -> [Leftover] {
    var leftovers: [Leftover] = []
    for parent in [places.staging, places.trash] {
      for name in try FileTree.names(in: parent) {
        let place = FilePath("\(parent.string)/\(name)")
        if name.hasPrefix("commit-"), let id = UInt64(name.dropFirst(7)) {
          try finish(place, of: id)
          continue
        }
        guard let id = UInt64(name) else { continue }
        let result = cl_openat(AT_FDCWD, place.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        if result == -ENOENT { continue }
        let holder = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(place)"))
        if cl_flock(holder.rawValue, LOCK_EX | LOCK_NB) < 0 { continue }
        try forget(place, id: id)
        leftovers.append(Leftover(id: id, place: place, holder: holder.release()))
      }
    }
    return leftovers
  }
}
