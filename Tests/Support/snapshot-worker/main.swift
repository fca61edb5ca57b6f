// Uses a snapshot store, for tests of what a killed program leaves behind and of what needs no privilege:
//
//   snapshot-worker churn DRIVER STORE PREFIX     begins, commits and removes snapshots until somebody kills it
//   snapshot-worker stack STORE MOUNTPOINT        stacks and mounts three snapshots, and prints what the last one shows

import ContainrRootFS
import Glibc
import SystemPackage

func write(_ text: String, to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  guard file >= 0, Glibc.write(file, text, text.utf8.count) == text.utf8.count else { throw Errno(rawValue: errno) }
  close(file)
}

func churn(_ driver: SnapshotDriver, _ path: FilePath, _ prefix: String) async throws {
  let store = try await SnapshotStore(driver, at: path)
  for round in 0... {
    let key = try SnapshotKey("\(prefix)/key \(round)")
    let name = try SnapshotKey("\(prefix)/name \(round)")
    let child = try SnapshotKey("\(prefix)/child \(round)")
    let mount = try await store.prepare(key, from: nil, labels: ["round": "\(round)"], isEphemeral: true)
    guard case .directory(let files) = mount.source else { return }
    for number in 0..<3 { try write("\(number)", to: "\(files.string)/file-\(number)") }
    try await store.commit(key, as: name)
    try await store.prepare(child, from: name)
    _ = try await store.updateLabels(of: child, ["seen": "yes"])
    try await store.remove(child)
    if round % 3 != 0 { try await store.remove(name) }
    if round == 0 { print("running") }
    fflush(nil)
  }
}

func stack(_ path: FilePath, _ place: FilePath) async throws {
  let store = try await SnapshotStore(.overlay(), at: path)
  var parent: SnapshotKey?
  for number in 0..<3 {
    let key = try SnapshotKey("key-\(number)")
    let mount = try await store.prepare(key, from: parent)
    try await withMountedRootFS(mount.source, at: place) { root in
      try write("\(number)", to: "\(root.string)/shared")
      try write("\(number)", to: "\(root.string)/only-\(number)")
      if number == 2 { unlink("\(root.string)/only-0") }
    }
    let name = try SnapshotKey("name-\(number)")
    try await store.commit(key, as: name)
    parent = name
  }
  let view = try await store.view(SnapshotKey("view"), of: parent)
  try await withMountedRootFS(view.source, at: place, isReadOnly: true) { root in
    for name in ["shared", "only-0", "only-1", "only-2"] {
      var text = [UInt8](repeating: 0, count: 16)
      let file = open("\(root.string)/\(name)", O_RDONLY)
      let count = file < 0 ? 0 : read(file, &text, text.count)
      close(file)
      print(name, String(decoding: text[..<max(count, 0)], as: UTF8.self))
    }
  }
}

let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch (arguments.first, arguments.count) {
  case ("churn", 4):
    let drivers: [String: SnapshotDriver] = ["overlay": .overlay(), "copy": .copy, "btrfs": .btrfs]
    guard let driver = drivers[arguments[1]] else { exit(125) }
    try await churn(driver, FilePath(arguments[2]), arguments[3])
  case ("stack", 3): try await stack(FilePath(arguments[1]), FilePath(arguments[2]))
  default:
    print("usage: snapshot-worker churn DRIVER STORE PREFIX | stack STORE MOUNTPOINT")
    exit(125)
  }
} catch {
  print("\(error)")
  exit(1)
}
