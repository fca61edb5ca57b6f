import ContainrCore
import ContainrSecurity
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// The running kernel's word: a process loads the filter and makes the calls.
@Suite struct RealFilterTests {
  /// Loads the filter in the file of the first argument; the others are `number,arg0`. Prints the error number of each call.
  static let program = """
    import ctypes, struct, sys, threading, subprocess
    libc = ctypes.CDLL(None, use_errno=True)
    code = open(sys.argv[1], "rb").read()
    buffer = ctypes.create_string_buffer(code, len(code))
    class Program(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    fprog = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) == 0, ctypes.get_errno()
    def call(number, first):
        ctypes.set_errno(0)
        libc.syscall(ctypes.c_long(number), ctypes.c_long(first), 0, 0, 0, 0, 0)
        return ctypes.get_errno()
    results = [call(*map(int, text.split(","))) for text in sys.argv[2:]]
    thread = threading.Thread(target=lambda: results.append("thread"))
    thread.start(); thread.join()
    results.append(subprocess.run(["/bin/sh", "-c", "echo child"], capture_output=True, text=True).stdout.strip())
    results.append([line.split()[1] for line in open("/proc/self/status") if line.startswith("Seccomp:")][0])
    print(*results)
    """

  private func run(_ filter: SeccompFilter, _ calls: [String]) async throws -> [Substring] {
    try await withTemporaryDirectory { directory in
      let code = directory.appending("filter")
      let output = directory.appending("output")
      try FileContents.replace(code, with: filter.bytes, durable: false)
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 1, output.string, O_WRONLY | O_CREAT, 0o600)
      let words = ["python3", "-c", Self.program, code.string] + calls
      let arguments = words.map { strdup($0) } + [nil]
      defer { for argument in arguments { free(argument) } }
      var pid: pid_t = 0
      try #require(posix_spawnp(&pid, "python3", &actions, nil, arguments, environ) == 0)
      var status: CInt = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      #expect(status == 0)
      return try FileContents.text(output).split { $0.isWhitespace }
    }
  }

  #if arch(x86_64)
    @Test(.requires(.program("python3"))) func kernelDecidesAsTheSimulatorDoes() async throws {
      let filter = try SeccompFilter(compiling: .containerDefault())
      let simulator = FilterSimulator(filter)
      // mount, unshare(NEWUSER), clone(NEWUSER), clone3, keyctl, personality, socket(VSOCK), its upper half, an unknown call,
      // x32 mount, bpf, setns; and, allowed, getpid, socket(UNIX), personality(query).
      let calls: [(UInt32, UInt64)] = [
        (165, 0), (272, 0x1000_0000), (56, 0x1000_0000), (435, 0), (250, 0), (135, 0x4_0000), (41, 40), (41, 0x1_0000_0028),
        (1000, 0), (0x4000_0000 | 165, 0), (321, 0), (308, 0), (39, 0), (135, 0xffff_ffff),
      ]
      let expected = try calls.map { number, first in
        let value = try simulator.run(.x86_64, number, [first]).value
        return value == Returned.allow ? "0" : String(value & 0xffff)
      }
      #expect(expected == ["1", "1", "1", "38", "1", "1", "1", "1", "38", "1", "1", "1", "0", "0"])
      let actual = try await run(filter, calls.map { "\($0),\($1)" })
      #expect(actual.map(String.init) == expected + ["thread", "child", "2"])
    }
  #endif

  @Test(.requires(.program("python3"))) func kernelTakesTheFilterOfEveryCapabilitySet() async throws {
    for capabilities in [CapabilitySet.named, []] {
      let filter = try SeccompFilter(compiling: .containerDefault(for: capabilities))
      #expect(try await run(filter, []).last == "2")
    }
  }
}
