import CContainrLinux
import ContainrCore
import ContainrOCI
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A bundle over a root made of busybox, and an OCI runtime, in a directory that goes with the test.
struct OCIFixture: Sendable {
  let directory: FilePath
  let runtime: OCIRuntime

  var bundle: FilePath { directory.appending("bundle") }
  var root: FilePath { bundle.appending("rootfs") }

  static func with<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (OCIFixture) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory in
      let fixture = OCIFixture(directory: directory, runtime: OCIRuntime(root: directory.appending("state")))
      try ContainrTestSupport.shell(
        """
        mkdir -p bundle/rootfs/bin bundle/rootfs/etc bundle/rootfs/proc bundle/rootfs/dev bundle/rootfs/tmp && \
        chmod 755 . bundle bundle/rootfs && chmod 777 bundle/rootfs/tmp && \
        cp /bin/busybox bundle/rootfs/bin/busybox && \
        for name in sh cat sleep id ls echo true false env stat grep kill tty stty readlink test mkdir; do \
        ln -s busybox bundle/rootfs/bin/$name; done && \
        printf 'root:x:0:0::/root:/bin/sh\\nweb:x:1000:1000::/home/web:/bin/sh\\n' > bundle/rootfs/etc/passwd && \
        printf 'root:x:0:\\nweb:x:1000:\\n' > bundle/rootfs/etc/group
        """, in: directory)
      return try await body(fixture)
    }
  }

  /// The configuration of a container with all namespaces of its own but those for users and time.
  func spec(_ arguments: String...) -> OCI.RuntimeSpec {
    var spec = OCI.RuntimeSpec()
    spec.root = .init(path: "rootfs")
    var process = OCI.RuntimeSpec.Process(args: arguments)
    process.env = ["PATH=/bin"]
    process.capabilities = Self.capabilities(["CAP_KILL", "CAP_CHOWN"])
    spec.process = process
    spec.mounts = [
      .init(destination: "/proc", type: "proc", source: "proc"),
      .init(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]),
      .init(
        destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666", "mode=0620"]),
    ]
    var linux = OCI.RuntimeSpec.Linux()
    linux.namespaces = [.init(.pid), .init(.mount), .init(.ipc), .init(.uts), .init(.network), .init(.cgroup)]
    spec.linux = linux
    return spec
  }

  static func capabilities(_ names: [String]) -> OCI.RuntimeSpec.Process.Capabilities {
    var sets = OCI.RuntimeSpec.Process.Capabilities()
    sets.bounding = names
    sets.effective = names
    sets.permitted = names
    return sets
  }

  /// An id that no other test has.
  func id(_ name: String = "c") throws -> ContainerID { try ContainerID("\(name)-\(directory.lastComponent!.string)") }

  /// Creates a container, runs a body beside it and removes it.
  func withCreated<Result>(
    _ spec: OCI.RuntimeSpec, options: CreateOptions = CreateOptions(), _ body: (ContainerID) async throws -> Result
  ) async throws -> Result {
    let id = try id()
    let process = try runtime.create(id, Bundle(bundle, spec: spec), options: options)
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(id)) } catch { result = .failure(error) }
    try runtime.delete(id, force: true)
    _ = try process.process.reap()
    return try result.get()
  }

  /// The same with one that sleeps.
  func withRunning<Result>(
    _ change: (inout OCI.RuntimeSpec) -> Void = { _ in }, _ body: (ContainerID) async throws -> Result
  ) async throws -> Result {
    var spec = spec("sleep", "1000")
    change(&spec)
    return try await withCreated(spec) { id in
      try runtime.start(id)
      return try await body(id)
    }
  }

  /// Executes a shell script in a container, and gives what it wrote.
  func run(
    _ script: String, in id: ContainerID, options: ExecOptions = ExecOptions(),
    _ change: (inout OCI.RuntimeSpec.Process) -> Void = { _ in }
  ) throws -> String {
    var process = OCI.RuntimeSpec.Process(args: ["/bin/sh", "-c", "{ \(script)\n} >/tmp/out 2>&1"], cwd: "")
    change(&process)
    // The next one may be another user.
    unlink(root.appending("tmp").appending("out").string)
    let status = try runtime.exec(id, process, options: options).process.reap()
    let text = try FileContents.textIfPresent(root.appending("tmp").appending("out")) ?? ""
    #expect(status.isSuccess, "\(status): \(text)")
    return text
  }

  /// What create must refuse, and that nothing is left then.
  func refusal(_ spec: OCI.RuntimeSpec, options: CreateOptions = CreateOptions()) async throws -> ContainrError {
    let id = try id()
    let (error, left) = try await withoutLeaks(marks: [directory.lastComponent!.string]) {
      do {
        try runtime.create(id, Bundle(bundle, spec: spec), options: options)
      } catch let error as ContainrError {
        return error
      }
      try runtime.delete(id, force: true)
      throw Unexpected("the container was not refused")
    }
    #expect(left.isEmpty, "\(left)")
    #expect(try runtime.list().isEmpty, "a refused container leaves its directory")
    return error
  }
}

/// A socket at which a test waits for terminals.
struct ListeningSocket: ~Copyable {
  private let descriptor: OwnedDescriptor

  init(_ path: FilePath) throws {
    descriptor = OwnedDescriptor(owning: socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(descriptor.rawValue, 4) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Takes the descriptor that somebody sent.
  func receive() throws -> OwnedDescriptor {
    let connection = OwnedDescriptor(owning: accept(descriptor.rawValue, nil, nil))
    var byte: CChar = 0
    var received: CInt = -1
    try check(cl_receive_descriptor(connection.rawValue, &byte, &received), .terminal, "recvmsg(2)", "receiving")
    guard received >= 0 else { throw Unexpected("no descriptor came") }
    return OwnedDescriptor(owning: received)
  }
}

/// Everything that is read of a terminal until its other side is closed.
func everything(of terminal: borrowing OwnedDescriptor) -> String {
  var text: [UInt8] = []
  var bytes = [UInt8](repeating: 0, count: 1024)
  while true {
    let count = read(terminal.rawValue, &bytes, bytes.count)
    guard count > 0 else { return String(decoding: text, as: UTF8.self) }
    text += bytes.prefix(count)
  }
}
