import ContainrCore

extension OCI.RuntimeSpec {
  /// A program and what it may do (config.md#process).
  public struct Process: Hashable, Sendable {
    /// Whether it gets a terminal.
    public var terminal: Bool?
    /// The size of the terminal in characters.
    public var consoleSize: ConsoleSize?
    /// Who it runs as.
    public var user = User()
    /// The program and its arguments.
    public var args: [String]?
    /// `NAME=value`.
    public var env: [String]?
    /// The working directory.
    public var cwd: String
    /// The five sets of capabilities; nil leaves none.
    public var capabilities: Capabilities?
    /// Limits of setrlimit(2).
    public var rlimits: [Rlimit]?
    /// Whether no program may gain privileges (`PR_SET_NO_NEW_PRIVS`).
    public var noNewPrivileges: Bool?
    /// The name of an AppArmor profile.
    public var apparmorProfile: String?
    /// What is written to `/proc/self/oom_score_adj`.
    public var oomScoreAdj: Int?
    /// Scheduling.
    public var scheduler: Scheduler?
    /// The SELinux label.
    public var selinuxLabel: String?
    /// The I/O priority.
    public var ioPriority: IOPriority?
    /// The CPUs of a program that is executed in a running container.
    public var execCPUAffinity: ExecCPUAffinity?

    /// A program in a directory.
    public init(args: [String]? = nil, cwd: String = "/") {
      self.args = args
      self.cwd = cwd
    }
  }
}

extension OCI.RuntimeSpec.Process: JSONConvertible {
  /// Reads the `process` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(args: try cursor.strings("args"), cwd: try cursor.required("cwd").string())
    terminal = try cursor.bool("terminal")
    consoleSize = try cursor.value("consoleSize")
    user = try cursor.value("user") ?? User()
    env = try cursor.strings("env")
    capabilities = try cursor.value("capabilities")
    rlimits = try cursor.values("rlimits")
    noNewPrivileges = try cursor.bool("noNewPrivileges")
    apparmorProfile = try cursor.string("apparmorProfile")
    oomScoreAdj = try cursor.integer("oomScoreAdj", Int.self)
    scheduler = try cursor.value("scheduler")
    selinuxLabel = try cursor.string("selinuxLabel")
    ioPriority = try cursor.value("ioPriority")
    execCPUAffinity = try cursor.value("execCPUAffinity")
  }

  /// The `process` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("terminal", terminal)
    object.add("consoleSize", value: consoleSize)
    object["user"] = user.json
    object.add("args", strings: args)
    object.add("env", strings: env)
    object["cwd"] = .string(cwd)
    object.add("capabilities", value: capabilities)
    object.add("rlimits", values: rlimits)
    object.add("noNewPrivileges", noNewPrivileges)
    object.add("apparmorProfile", apparmorProfile)
    object.add("oomScoreAdj", integer: oomScoreAdj)
    object.add("scheduler", value: scheduler)
    object.add("selinuxLabel", selinuxLabel)
    object.add("ioPriority", value: ioPriority)
    object.add("execCPUAffinity", value: execCPUAffinity)
    return .object(object)
  }
}
