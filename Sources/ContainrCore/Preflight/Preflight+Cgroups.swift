extension Preflight {
  /// Where each cgroup controller is mounted (cgroups(7)). A summary to read; ContainrCgroups works with its own detection.
  public struct Cgroups: Hashable, Sendable {
    /// Which versions of the cgroup file system are mounted.
    public enum Layout: String, Hashable, Sendable {
      /// None is.
      case none
      /// Only hierarchies of version 1.
      case v1
      /// Only the unified hierarchy.
      case v2
      /// Both.
      case hybrid
    }

    /// A controller of the kernel, and where it can be used.
    public struct Controller: Hashable, Sendable {
      /// The kernel's name, `memory`.
      public var name: String
      /// 1 or 2; nil where no mounted hierarchy has it.
      public var version: Int?
      /// The directory of the hierarchy.
      public var mountPoint: String?
    }

    /// Which versions are mounted.
    public var layout: Layout
    /// Every controller of the kernel, by name.
    public var controllers: [Controller]
    /// The mount point of the unified hierarchy, where there is one.
    public var unified: String?

    /// Reads /proc/self/mountinfo, /proc/cgroups and the unified hierarchy's `cgroup.controllers`.
    init(reading source: PreflightSource) {
      var unified: String?
      var first: [String: String] = [:]
      var hasV1 = false
      for mount in (source.text("/proc/self/mountinfo") ?? "").split(separator: "\n") {
        let fields = mount.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { continue }
        let point = Self.unescaped(fields[4])
        switch fields[dash + 1] {
        case "cgroup2": unified = unified ?? point
        case "cgroup":
          hasV1 = true
          for option in fields[dash + 3].split(separator: ",") where first[String(option)] == nil {
            first[String(option)] = point
          }
        default: break
        }
      }
      let inUnified = unified.flatMap { source.text($0 + "/cgroup.controllers") } ?? ""
      let unifiedNames = Set(inUnified.split { $0 == " " || $0 == "\n" }.map(String.init))
      var names = unifiedNames
      for line in (source.text("/proc/cgroups") ?? "").split(separator: "\n") where !line.hasPrefix("#") {
        let fields = line.split { $0 == "\t" || $0 == " " }
        if fields.count >= 4, fields[3] == "1" { names.insert(String(fields[0])) }
      }
      controllers = names.sorted().map { name in
        if let point = first[name] { return Controller(name: name, version: 1, mountPoint: point) }
        if unifiedNames.contains(name) { return Controller(name: name, version: 2, mountPoint: unified) }
        return Controller(name: name)
      }
      self.unified = unified
      layout = unified == nil ? (hasV1 ? .v1 : .none) : hasV1 ? .hybrid : .v2
    }

    /// A path of mountinfo, where `\040` is a space.
    private static func unescaped(_ field: Substring) -> String {
      var bytes: [UInt8] = []
      var rest = Substring(field).utf8
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\\"), let code = UInt8(Substring(rest.prefix(3)), radix: 8) {
          bytes.append(code)
          rest = rest.dropFirst(3)
        } else {
          bytes.append(byte)
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
