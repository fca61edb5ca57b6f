import Glibc

/// Whole processes that create a container, run /bin/true in it, wait for it and remove it.
struct StartCase {
  let options: Options
  let workspace: Workspace
  let launcher: Launcher

  func subjects() -> [Subject] {
    let floor = [options.floor, "--workspace", workspace.path, "--once"]
    var subjects = [
      command("floor", "the kernel calls of a default container", floor + ["--seccomp", workspace.filter]),
      command(
        "floor-memory", "the same, writable layer in memory", floor + ["--seccomp", workspace.filter, "--upper", "tmpfs"]),
      command("floor-plain", "what crun does below: no overlay, no seccomp", floor + ["--no-overlay", "--no-seccomp"]),
    ]
    for runtime in ["crun", "runc"] { subjects += peers(runtime) }
    subjects.append(bubblewrap())
    subjects.append(containr("containr", "containr run: image, overlay, cgroups, seccomp", []))
    subjects.append(containr("containr-memory", "the same, writable layer in memory", ["--writable-layer", "memory"]))
    if let path = options.ociRuntime {
      subjects.append(
        isExecutable(path)
          ? bundled(
            "containr-oci", path, ["--root", workspace.state + "/ours"], "plain", "OCI bundle, plain rootfs, no seccomp")
          : Subject("containr-oci", missing: "no executable at \(path)"))
      subjects.append(
        isExecutable(path)
          ? bundled("containr-oci+seccomp", path, ["--root", workspace.state + "/ours"], "seccomp", "OCI bundle, plain rootfs")
          : Subject("containr-oci+seccomp", missing: "no executable at \(path)"))
    }
    return subjects
  }

  private func command(_ name: String, _ note: String, _ arguments: [String]) -> Subject {
    guard isExecutable(arguments[0]) else { return Subject(name, missing: "no executable at \(arguments[0])") }
    return Subject(name, note) { _ throws(BenchmarkError) in try launcher.run(arguments) }
  }

  private func bundled(_ name: String, _ runtime: String, _ global: [String], _ bundle: String, _ note: String) -> Subject {
    Subject(name, note) { serial throws(BenchmarkError) in
      try launcher.run([runtime] + global + ["run", "-b", workspace.bundle(bundle), "containr-bench-\(getpid())-\(serial)"])
    }
  }

  private func peers(_ runtime: String) -> [Subject] {
    let names = [runtime, runtime + "+seccomp", runtime + "+overlay", runtime + "+all"]
    guard let path = findExecutable(runtime) else { return names.map { Subject($0, missing: "\(runtime) is not installed") } }
    let global = ["--root", workspace.state + "/" + runtime]
    let plain = bundled(names[0], path, global, "plain", "OCI bundle, plain rootfs, no seccomp")
    let seccomp = bundled(names[1], path, global, "seccomp", "OCI bundle, plain rootfs")
    let overlay = bundled("", path, global, "overlay", "")
    let all = bundled("", path, global, "overlay-seccomp", "")
    return [
      plain, seccomp, aroundOverlay(overlay, names[2], "with an overlay made and removed around it, no seccomp"),
      aroundOverlay(all, names[3], "overlay and seccomp: the same work as ours"),
    ]
  }

  /// `subject` with the time of its overlay's mount, unmount and removal added.
  private func aroundOverlay(_ subject: Subject, _ name: String, _ note: String) -> Subject {
    Subject(name, note) { serial throws(BenchmarkError) in
      let begin = monotonicNanoseconds()
      var result = try workspace.withOverlay { () throws(BenchmarkError) in try subject.run(serial) }
      result.nanoseconds = monotonicNanoseconds() - begin
      return result
    }
  }

  private func bubblewrap() -> Subject {
    guard let path = findExecutable("bwrap") else { return Subject("bwrap", missing: "bwrap is not installed") }
    return command(
      "bwrap", "less work: no overlay, cgroup, seccomp, masks, sysfs, mqueue",
      [
        path, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup", "--hostname", "bench",
        "--bind", workspace.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true",
      ])
  }

  private func containr(_ name: String, _ note: String, _ flags: [String]) -> Subject {
    command(name, note, [options.containr, "run", "--rm"] + flags + [options.image, "/bin/true"])
  }
}
