import ContainrArchive
import ContainrCore
import ContainrOCI
import SystemPackage

/// The image that needs no network: `containr/busybox:latest`, made at first use from the machine's static busybox.
///
/// It is an image of the store as any other. The same busybox gives the same digest.
public struct DefaultImage: Sendable {
  /// Where the machine's busybox is, `/bin/busybox` by default, as Debian's `busybox-static` installs it.
  public var busybox: FilePath

  /// Describes where the image comes from.
  public init(busybox: FilePath = "/bin/busybox") { self.busybox = busybox }

  /// The name of the image.
  public static let reference = ImageReference.defaultImage

  /// The image, made now where the store has none of its name.
  ///
  /// - Throws: `IMAGE_NOT_FOUND` where busybox is missing, `UNSUPPORTED` where it is not static or lists no commands, and
  ///   what ``ImageStore/import(_:as:execution:)`` throws.
  public func resolve(in store: ImageStore) throws(ContainrError) -> ResolvedImage {
    if let image = try store.resolveIfPresent(Self.reference) { return image }
    return try build(in: store)
  }

  /// Makes the image, in place of one that the store may have, such as one of an older busybox.
  ///
  /// - Throws: as ``resolve(in:)``.
  @discardableResult
  public func build(in store: ImageStore) throws(ContainrError) -> ResolvedImage {
    let program = try StaticProgram(busybox)
    var transaction = try StoreTransaction(store)
    let tar = try TarWriter.write(try entries(program))
    let (digest, size) = try transaction.add(tar)
    return try store.finishImport(
      OCI.Descriptor(mediaType: .layer, digest: digest, size: size), createdBy: "containr default image",
      as: Self.reference,
      execution: OCI.ImageConfig.Execution(
        environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], command: ["sh"]),
      transaction)
  }

  private func entries(_ program: StaticProgram) throws(ContainrError) -> [String: TarWriter.Entry] {
    var entries: [String: TarWriter.Entry] = [
      "bin": .directory(mode: 0o755), "dev": .directory(mode: 0o755), "etc": .directory(mode: 0o755),
      "home": .directory(mode: 0o755), "proc": .directory(mode: 0o555), "root": .directory(mode: 0o700),
      "run": .directory(mode: 0o755), "sbin": .directory(mode: 0o755), "sys": .directory(mode: 0o555),
      "tmp": .directory(mode: 0o1777), "usr": .directory(mode: 0o755), "usr/bin": .directory(mode: 0o755),
      "usr/sbin": .directory(mode: 0o755), "var": .directory(mode: 0o755), "var/tmp": .directory(mode: 0o1777),
      "etc/passwd": .file(Array(Self.users.utf8), mode: 0o644),
      "etc/group": .file(Array(Self.groups.utf8), mode: 0o644),
      // Mount points for what a container gets of its own: missing ones would have to be made at each start.
      "etc/hosts": .file([], mode: 0o644), "etc/hostname": .file([], mode: 0o644), "etc/resolv.conf": .file([], mode: 0o644),
    ]
    for applet in try program.lines(["--list-full"]) {
      let parts = applet.split(separator: "/", omittingEmptySubsequences: false)
      guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
        throw ContainrError(.unsupported, "listing the commands of \(busybox)", hint: "\"\(applet)\" is no path of a command")
      }
      for end in 1..<max(parts.count, 1) {
        let directory = parts[..<end].joined(separator: "/")
        if entries[directory] == nil { entries[directory] = .directory(mode: 0o755) }
      }
      entries[applet] = .link(to: "/bin/busybox")
    }
    entries["bin/busybox"] = .file(program.bytes, mode: 0o755)
    return entries
  }

  private static let users = """
    root:x:0:0:root:/root:/bin/sh
    daemon:x:1:1:daemon:/usr/sbin:/bin/false
    www-data:x:33:33:www-data:/var/www:/bin/false
    nobody:x:65534:65534:nobody:/home:/bin/false

    """

  private static let groups = """
    root:x:0:
    daemon:x:1:
    tty:x:5:
    www-data:x:33:
    users:x:100:
    nogroup:x:65534:

    """
}

extension ImageReference {
  /// `containr/busybox:latest`.
  static let defaultImage = ImageReference(trusted: "containr/busybox", tag: "latest")
}
