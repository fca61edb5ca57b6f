import ContainrCore
import ContainrImage
import Testing

@Suite struct ImageReferenceTests {
  private static let digest = "sha256:" + String(repeating: "0a", count: 32)

  @Test(
    arguments: [
      ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
      ("library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
      ("docker.io/library/busybox:1", "docker.io/library/busybox:1", "busybox:1"),
      ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
      ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
      ("containr/busybox", "docker.io/containr/busybox:latest", "containr/busybox:latest"),
      ("host:5000/a/b:tag", "host:5000/a/b:tag", "host:5000/a/b:tag"),
      ("host:5000/a", "host:5000/a:latest", "host:5000/a:latest"),
      ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
      ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
      ("quay.io/a/b_c/d__e/f---g/h.i:V_1.2-x", "quay.io/a/b_c/d__e/f---g/h.i:V_1.2-x", "quay.io/a/b_c/d__e/f---g/h.i:V_1.2-x"),
      ("a@\(digest)", "docker.io/library/a@\(digest)", "a@\(digest)"),
      ("a:t@\(digest)", "docker.io/library/a:t@\(digest)", "a:t@\(digest)"),
    ])
  func readsDockersNames(text: String, canonical: String, familiar: String) throws {
    let reference = try ImageReference(text)
    #expect(reference.canonical == canonical)
    #expect(reference.description == familiar)
    #expect(try ImageReference(reference.canonical) == reference)
    #expect(try ImageReference(reference.description) == reference)
  }

  @Test(
    arguments: [
      "", ":", "@", "a:", "a@", "a@sha256:00", "A", "a/B", "/a", "a/", "a//b", "a/../b", "..", "-a", "a-", "a..b", "a___b",
      "a b",
      "a\n", "a\0", "é", "a:-t", "a:.t", "a:t/u:", "a:" + String(repeating: "t", count: 129),
      String(repeating: "a", count: 256),
      "host:0/a", "host:99999/a", "ho_st.x/a", "-h.x/a", "http://a/b", "a:b:c", "[::1/x", "[zz]:1/x", "host:+5/a",
    ])
  func refusesEverythingElse(text: String) {
    let error = #expect(throws: ContainrError.self) { try ImageReference(text) }
    #expect(error?.code == .imageReference)
    #expect(error?.summary.contains("\n") == false)
  }
}
