import ContainrRuntime
import Glibc
import SystemPackage

/// One run of the program: global options, a command, and what becomes of an error.
struct Invocation {
  let words: [String]

  init(_ words: [String]) { self.words = words }

  /// The exit status.
  func run() -> Int32 {
    var log = RunLog()
    var failure: Int32 = 1
    do throws(ContainrError) {
      var arguments = Arguments(words)
      let global = try GlobalOptions(&arguments)
      log = try RunLog(global)
      if global.showsVersion {
        Output.line("containr-oci version \(BuildInformation.current.version)")
        Output.line("spec: \(OCI.RuntimeSpec.currentVersion)")
        return 0
      }
      guard !global.showsHelp, let name = arguments.next() else {
        Output.line(Self.help)
        return 0
      }
      guard let command = Self.commands.first(where: { $0.name == name }) else {
        throw ContainrError(
          .invalidArgument, "reading the command line", hint: "unknown command \"\(name)\"; --help lists the commands")
      }
      failure = command.failure
      var runtime = OCIRuntime(root: global.root)
      runtime.warn = { [log] in log.write(.warning, $0) }
      return try command.run(&arguments, Context(runtime: runtime, global: global, log: log))
    } catch {
      log.write(.error, log.text(of: error))
      return failure
    }
  }

  /// What a command works with.
  struct Context {
    let runtime: OCIRuntime
    let global: GlobalOptions
    let log: RunLog
  }

  /// A command by its name.
  struct Command {
    let name: String
    let usage: String
    /// The exit status where it throws: one that no program in the container is likely to end with.
    var failure: Int32 = 1
    let run: (inout Arguments, Context) throws(ContainrError) -> Int32
  }

  static var commands: [Command] {
    [
      Command(name: "create", usage: "make a container whose program waits for start", run: createCommand),
      Command(name: "start", usage: "run the program of a container that was created", run: startCommand),
      Command(name: "run", usage: "create and start a container", run: runCommand),
      Command(name: "exec", usage: "run a program in a container", failure: 255, run: execCommand),
      Command(name: "state", usage: "print where a container stands", run: stateCommand),
      Command(name: "kill", usage: "send a signal to a container", run: killCommand),
      Command(name: "delete", usage: "remove a container", run: deleteCommand),
      Command(name: "list", usage: "list the containers", run: listCommand),
      Command(name: "ps", usage: "list the processes of a container", run: psCommand),
      Command(name: "pause", usage: "freeze the processes of a container", run: pauseCommand),
      Command(name: "resume", usage: "let the processes of a container go on", run: resumeCommand),
      Command(name: "update", usage: "change the limits of a container", run: updateCommand),
      Command(name: "events", usage: "tell what a container uses, and when its memory runs out", run: eventsCommand),
      Command(name: "features", usage: "print what containr-oci can do", run: featuresCommand),
      Command(name: "spec", usage: "write a config.json to start from", run: specCommand),
      Command(name: "checkpoint", usage: "not supported yet", run: unsupportedCommand("checkpoint")),
      Command(name: "restore", usage: "not supported yet", run: unsupportedCommand("restore")),
    ]
  }

  static var help: String {

    "usage: containr-oci [global option...] command [option...] [argument...]\n\nCommands:\n"
      + commands.map { "  \($0.name)\(String(repeating: " ", count: 12 - $0.name.count))\($0.usage)" }.joined(separator: "\n")
        + """


        Global options:
          --root DIRECTORY          where containers are recorded (default \(OCIRuntime.defaultRoot))
          --log FILE                where errors go (default: standard error)
          --log-format text|json    in which form
          --debug                   say more
          --systemd-cgroup          read cgroupsPath as slice:prefix:name
          --cgroup-manager NAME     cgroupfs, systemd or disabled, as crun has it
          --rootless BOOLEAN|auto   what containr-oci finds out by itself
          --version, --help
        """
  }
}
