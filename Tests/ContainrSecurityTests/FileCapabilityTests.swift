import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrSecurity
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite struct CapabilityTextTests {
  @Test(arguments: [
    "cap_chown,cap_kill=eip", "cap_net_raw=ep", "=", "cap_chown=p cap_kill+ep", "cap_sys_admin=i",
  ])
  func textIsReadAndWrittenAsLibcapDoes(text: String) throws {
    let state = try CapabilityState(parsing: text)
    #expect(try CapabilityState(parsing: state.description) == state)
  }

  @Test func textNamesTheSets() throws {
    let state = try CapabilityState(parsing: "cap_chown,cap_kill=eip")
    #expect(state == CapabilityState(effective: [.chown, .kill], permitted: [.chown, .kill], inheritable: [.chown, .kill]))
    #expect(state.description == "cap_chown,cap_kill=eip")
    #expect(CapabilityState().description == "=")
    let sets = try Capabilities(granting: [.netRaw], toUser: 0)
    #expect(CapabilityState(sets).description == "cap_net_raw=ep")
  }

  @Test(arguments: ["cap_nonsense=ep", "ep", "cap_chown=x", "cap_chown=ep\0", "cap_chown"])
  func otherTextIsRefused(text: String) {
    do {
      _ = try CapabilityState(parsing: text)
      Issue.record("read")
    } catch { #expect(error.code == .capability) }
  }

  @Test func aFileCannotHaveSomeOfItsCapabilitiesEffective() throws {
    #expect(try FileCapabilities(parsing: "cap_chown,cap_kill=p").isEffective == false)
    do {
      _ = try FileCapabilities(parsing: "cap_chown=ep cap_kill=p")
      Issue.record("read")
    } catch { #expect(error.code == .capability) }
  }

  @Test func capabilitiesWithoutANamePrint() {
    let state = CapabilityState(permitted: CapabilitySet(rawValue: 1 << 63 | 1))
    #expect(!state.description.isEmpty)
  }
}

@Suite(.requires(.root)) struct FileCapabilityTests {
  private func withFile(_ body: (FilePath, borrowing OwnedDescriptor) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("program")
      try FileContents.replace(path, with: try FileContents.read("/bin/busybox"), mode: 0o755, durable: false)
      try #require(chmod(path.string, 0o755) == 0 && chmod(directory.string, 0o755) == 0)
      try await body(path, try OwnedDescriptor.open(path))
    }
  }

  @Test(
    .requires(.file("/bin/busybox")),
    arguments: [
      FileCapabilities(permitted: [.netRaw]), FileCapabilities(permitted: [.netRaw, .bpf], isEffective: false),
      FileCapabilities(inheritable: [.chown]), FileCapabilities(permitted: [.kill], rootUser: 100_000),
    ])
  func whatIsWrittenIsRead(capabilities: FileCapabilities) async throws {
    try await withFile { path, file in
      #expect(try FileCapabilities(of: file) == nil)
      try FileCapabilities.remove(from: file)
      try capabilities.write(to: file)
      #expect(try FileCapabilities(of: file) == capabilities)
      // The kernel's own word: the version in the top byte, the effective bit in the lowest.
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = lgetxattr(path.string, "security.capability", &bytes, bytes.count)
      #expect(count == (capabilities.rootUser == nil ? 20 : 24))
      #expect(bytes[3] == (capabilities.rootUser == nil ? 2 : 3) && bytes[0] == (capabilities.isEffective ? 1 : 0))
      try FileCapabilities.remove(from: file)
      #expect(try FileCapabilities(of: file) == nil)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func anOrdinaryUserGainsWhatTheFileHas() async throws {
    try await withFile { path, file in
      func effective() async throws -> String? {
        let (status, _) = try await run(
          { plan in
            // Wherever temporary files are, they may lie under nosuid.
            let mount = plan.makeSlot()
            let directory = path.removingLastComponent().string
            plan.namespaceFlags = UInt64(CL_CLONE_NEWNS)
            plan.append(.propagation(.private))
            plan.append(.bind(mount, directory: .workingDirectory, path: directory, recursive: false))
            plan.append(.mountAttributes(mount, set: [], clear: .noSuid))
            plan.append(.attachOnHost(mount, path: directory))
            plan.append(.ids(uid: 65534, gid: 65534))
          }, paths: [path.string], arguments: ["cat", "/proc/self/status"])
        return status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }.map { String($0.dropFirst(8)) }
      }
      #expect(try await effective() == "0000000000000000")
      try FileCapabilities(permitted: [.netRaw]).write(to: file)
      #expect(try await effective() == "0000000000002000")
    }
  }

  @Test(.requires(.program("getcap"), .file("/bin/busybox"))) func getcapPrintsTheSame() async throws {
    try await withFile { path, file in
      let capabilities = FileCapabilities(permitted: [.chown, .kill])
      try capabilities.write(to: file)
      let (output, _) = try await run(
        { _ in }, paths: ["/usr/sbin/getcap", "/sbin/getcap"], arguments: ["getcap", path.string])
      #expect(output == "\(path) \(capabilities)\n")
    }
  }

  @Test func theKernelsOwnFilesHaveNone() throws {
    let file = try OwnedDescriptor.open("/proc/self/status")
    do { #expect(try FileCapabilities(of: file) == nil) } catch { #expect(error.code == .unsupported) }
  }
}
