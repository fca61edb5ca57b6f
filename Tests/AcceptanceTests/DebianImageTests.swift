import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// An image that others made: Debian, of three layers, by `scripts/make-debian-image`. Made once, in the build folder.
@Suite(
  .requires(.root, .program("mmdebstrap"), .program("umoci"), .program("setfattr"), .program("setcap")), .serialized)
struct DebianImageTests {
  private func withDebian(_ body: (Tool) async throws -> Void) async throws {
    try await Tool.with(hasOwnImages: true) { tool in
      // Tests run in the package's folder; the layout of an image lies beside what the compiler makes.
      let script = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .appending("scripts/make-debian-image")
      let layout = try Tool.program.removingLastComponent().appending("debian-image")
      try await host("'\(script)' '\(layout)'", in: "/")
      let loaded = try await tool("load", layout.string)
      #expect(loaded.output.hasSuffix("bookworm\n"), "\(loaded)")
      try await body(tool)
    }
  }

  /// What a script of bash prints as the image's own user or another.
  private func bash(_ tool: Tool, _ options: [String] = [], _ script: String) async throws -> String {
    let reference = try #require(try await tool("images").output.split(separator: "\n").last).split(separator: " ")
    let outcome = try await tool(["run"] + options + ["\(reference[0]):\(reference[1])", "bash", "-c", script])
    #expect(outcome.status == 0, "\(outcome)")
    return outcome.output
  }

  @Test func itsProgramsRunAsItsUserAndAsRoot() async throws {
    try await withDebian { tool in
      #expect(
        try await bash(tool, [], "id -un; id -G; pwd; echo $GREETING $HOME")
          == "alice\n1500 1600\n/home/alice\nhello /home/alice\n")
      let packages = try await bash(tool, [], "dpkg -l | awk '/^ii/ {print $2}'")
      for name in ["bash", "dpkg", "python3-minimal"] { #expect(packages.contains("\(name)\n")) }
      #expect(try await bash(tool, [], "/srv/script.py") == "5050 alice\n")
      #expect(try await bash(tool, ["-u", "root"], "/srv/script.py") == "5050 root\n")
      #expect(try await bash(tool, [], "python3 -c 'import os; print(os.readlink(\"/usr/bin/python3\"))'") == "python3.11\n")
    }
  }

  @Test func itsFilesAreAsTheyWerePacked() async throws {
    try await withDebian { tool async throws in
      let script = """
        cd /srv
        stat -c '%n %u:%g %a %F' owned owned/secret owned/shared attributes/fifo
        [ $(stat -c %i links/first) = $(stat -c %i links/second) ] && stat -c %h links/first && cat links/again links/symbolic
        readlink links/symbolic links/absolute
        python3 -c 'import os; print(os.getxattr("attributes/note", "user.note").decode())'
        python3 -c 'import os; print(os.getxattr("attributes/ping", "security.capability").hex())'
        python3 -c 'import os; print(sorted(os.listdir("names")) == sorted(["with space", "new\\nline", "ünïcode", "n" * 200]))'
        ls -d removed-file removed-directory 2>/dev/null; ls remade turned
        """
      #expect(
        try await bash(tool, ["-u", "root", "-e", "LC_ALL=C.UTF-8"], script) == """
          owned 1500:1600 2750 directory
          owned/secret 1500:1600 640 regular file
          owned/shared 0:1600 4755 regular file
          attributes/fifo 0:0 600 fifo
          3
          linked
          linked
          first
          /etc/debian_version
          remembered
          0100000200200000000000000000000000000000
          True
          remade:
          new

          turned:
          inside

          """)
    }
  }

  @Test func itsUserReadsWhatItsGroupMayAndItsVolumeStaysWritable() async throws {
    try await withDebian { tool async throws in
      #expect(try await bash(tool, [], "cat /srv/owned/secret") == "secret\n")
      #expect(
        try await bash(tool, ["-u", "root", "--read-only"], "touch /data/x && ls /data; touch /y 2>/dev/null || echo no")
          == "x\nno\n")
    }
  }
}
