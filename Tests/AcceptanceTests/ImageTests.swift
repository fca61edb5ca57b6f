import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// `containr images`, `load` and `import`.
@Suite(.requires(.root, .file("/bin/busybox"))) struct ImageTests {
  @Test func imagesAreListed() async throws {
    try await Tool.with(hasOwnImages: true) { tool in
      #expect(try await tool("images").output == "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n")
      try await tool("run", "containr/busybox", "true")
      let table = try await tool("images").output.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(table.count == 2)
      #expect(table[1].prefix(2) == ["containr/busybox", "latest"])
      let short = try await tool("images", "-q").output
      #expect(short == table[1][2] + "\n")
      let long = try await tool("images", "--quiet", "--no-trunc").output
      #expect(long.hasPrefix("sha256:\(short.dropLast())"))
      #expect(long.utf8.count == 72)
    }
  }

  /// A root file system with busybox and a file.
  private func makeRoot(in directory: FilePath) async throws {
    try await host(
      "mkdir -p root/bin root/etc && cp /bin/busybox root/bin/ && ln -s busybox root/bin/sh && ln -s busybox root/bin/cat && "
        + "echo imported > root/etc/origin && tar cf root.tar -C root . && gzip -k root.tar", in: directory)
  }

  @Test func aTarBecomesAnImageWhateverWayItComes() async throws {
    try await Tool.with(hasOwnImages: true) { tool in
      try await makeRoot(in: tool.directory)
      for (name, path) in [("plain", "root.tar"), ("zipped", "root.tar.gz")] {
        let outcome = try await tool("import", "\(tool.directory)/\(path)", "\(name):1")
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("sha256:"))
        #expect(try await tool("run", "\(name):1", "cat", "/etc/origin").output == "imported\n")
      }
      let program = try Tool.program
      let piped = try await host(
        "cat root.tar.gz | \(program) --state-dir \(tool.state) import - piped:1", in: tool.directory)
      #expect(piped.hasPrefix("sha256:"))
      #expect(try await tool("run", "piped:1", "cat", "/etc/origin").output == "imported\n")
    }
  }

  @Test(
    "Layouts and archives of other programs are loaded", .requires(.program("skopeo"), .program("umoci")),
    arguments: ["docker-archive", "oci-archive", "oci"])
  func load(kind: String) async throws {
    try await Tool.with(hasOwnImages: true) { tool in
      try await makeLayout(in: tool.directory)
      try await host("skopeo copy -q oci:layout:t \(kind):copy:example/app:7", in: tool.directory)
      let loaded = try await tool("load", "\(tool.directory)/copy")
      #expect(loaded.output.hasPrefix("Loaded image: "))
      #expect(loaded.output.hasSuffix("example/app:7\n"))
      #expect(try await tool("run", "example/app:7").output == "imported by 33\n")
      let named = try await tool("load", "--tag", "other:2", "\(tool.directory)/copy")
      #expect(named.output == "Loaded image: other:2\n")
      #expect(try await tool("run", "other:2", "sh", "-c", "echo $GREETING").output == "hello\n")
    }
  }

  private func makeLayout(in directory: FilePath) async throws {
    try await makeRoot(in: directory)
    try await host(
      """
      umoci init --layout layout && umoci new --image layout:t && umoci unpack --image layout:t bundle && \
      tar xf root.tar -C bundle/rootfs && umoci repack --image layout:t bundle && \
      umoci config --image layout:t --config.cmd sh --config.cmd -c \
        --config.cmd 'read word < /etc/origin; echo $word by $(busybox id -u)' --config.user 33 \
        --config.env PATH=/bin --config.env GREETING=hello
      """, in: directory)
  }

  @Test(
    "A damaged layer is refused and leaves nothing", .requires(.program("skopeo"), .program("umoci")),
    arguments: ["contents", "digest"])
  func damage(kind: String) async throws {
    try await Tool.with(hasOwnImages: true) { tool in
      try await makeLayout(in: tool.directory)
      let damage =
        kind == "contents"
        ? "f=$(ls -S layout/blobs/sha256/* | head -1) && printf XXXX | dd of=$f bs=1 seek=5000 conv=notrunc status=none"
        : "cd layout/blobs/sha256 && f=$(ls -S | head -1) && gzip -dc $f | gzip -1 -n > other && mv other $f"
      try await host(damage, in: tool.directory)
      let outcome = try await tool("load", "\(tool.directory)/layout")
      #expect(outcome.status == 1)
      outcome.expectFailure(mentioning: "[DIGEST_MISMATCH]")
      #expect(try await tool("images", "-q").output == "")
      let left = try await host(
        "find state/images -type f ! -name '*.json' ! -name oci-layout ! -name '*lock*'", in: tool.directory)
      #expect(left == "")
    }
  }
}
