import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

@Suite("Cgroups on the kernel", .serialized, .requires(.root, .controller([.memory, .cpu, .pids])))
struct KernelCgroupTests {
  @Test("A process that uses more memory than the limit is killed, and the kill is counted")
  func memoryLimit() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(16); $0.memory.limitWithSwap = .mebibytes(16)
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().memory.limit == .mebibytes(16))
      #expect(try cgroup.limits().memory.limitWithSwap == .mebibytes(16))
      let inmate = try Inmate("exec head -c 64m /dev/zero | tail", in: cgroup)
      #expect(inmate.wait() != 0)
      let memory = try #require(try cgroup.statistics().memory)
      #expect(memory.oomKills == 1)
      #expect(try cgroup.oomKills() == 1)
      #expect(memory.limit == .mebibytes(16))
      #expect(try #require(memory.peak) > .mebibytes(15))
    }
  }

  @Test("Within the memory limit nothing is killed")
  func memoryWithinLimit() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(64)
    } _: { (cgroup) throws in
      #expect(try Inmate("head -c 8m /dev/zero | tail -c 1 > /dev/null", in: cgroup).wait() == 0)
      #expect(try cgroup.oomKills() == 0)
    }
  }

  @Test("A limit below what is in use is refused with EBUSY and a hint, and the old one stays")
  func memoryInUse() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(64)
    } _: { (cgroup) throws in
      let inmate = try Inmate("(head -c 16m /dev/zero; sleep 60) | tail -c 16m", in: cgroup)
      #expect(try eventually { try (cgroup.statistics().memory?.anonymous ?? 0) > .mebibytes(15) })
      var resources = CgroupResources()
      resources.memory.limit = .mebibytes(1)
      let error = #expect(throws: ContainrError.self) { try cgroup.update(resources) }
      #expect(error?.code == .cgroupLimit)
      #expect(error?.systemCall?.errno == .resourceBusy)
      #expect(error?.hint?.contains("in use") == true)
      #expect(try cgroup.limits().memory.limit == .mebibytes(64))
      resources.memory.limit = .mebibytes(80)
      try cgroup.update(resources)
      #expect(try cgroup.limits().memory.limit == .mebibytes(80))
      #expect(try cgroup.oomKills() == 0)
      try cgroup.kill()
      #expect(inmate.wait() == 137)
    }
  }

  @Test("A fork past the pids limit fails, and is counted")
  func pidsLimit() throws {
    try withCgroup {
      $0.pids.limit = 3
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().pids.limit == 3)
      #expect(try Inmate("sleep 5 & sleep 5 & sleep 5 & wait", in: cgroup).wait() == 2)
      let pids = try #require(try cgroup.statistics().pids)
      #expect(pids.limit == 3)
      #expect(pids.limitHits > 0)
    }
  }

  @Test("A busy loop with half a CPU uses at most 0.55 of one")
  func halfACPU() throws {
    try withCgroup {
      $0.cpu.quota = try CPUQuota(cpus: 0.5)
    } _: { (cgroup) throws in
      let start = ContinuousClock.now
      let inmate = try Inmate("while :; do :; done", in: cgroup)
      // Long enough that the period which has just begun counts for little.
      #expect(try eventually { try (cgroup.statistics().cpu?.usage ?? .zero) > .milliseconds(600) })
      let usage = try #require(try cgroup.statistics().cpu).usage
      let time = ContinuousClock.now - start + .milliseconds(100)
      #expect(usage / time <= 0.55, "\(usage) of CPU time in \(time)")
      Glibc.kill(inmate.pid, SIGKILL)
      #expect(inmate.wait() == 137)
    }
  }

  @Test("A busy loop with a tenth of a CPU is throttled and uses no more than its quota for each period")
  func cpuQuota() throws {
    try withCgroup {
      // Also a machine that is busy with much else has so little to give: more would never be throttled there.
      $0.cpu.quota = try CPUQuota(cpus: 0.1); $0.cpu.shares = 256
    } _: { (cgroup) throws in
      let tenth = try CPUQuota(cpus: 0.1)
      #expect(try cgroup.limits().cpu.quota == tenth)
      let share = try cgroup.limits().cpu
      #expect(share.shares == 256 || share.weight == CPUWeight(shares: 256))
      let inmate = try Inmate("while :; do :; done", in: cgroup)
      #expect(
        try eventually { try (cgroup.statistics().cpu?.throttledPeriods ?? 0) >= 8 })
      let cpu = try #require(try cgroup.statistics().cpu)
      #expect(cpu.usage > .milliseconds(40))
      // 10 ms a period, the one that runs included; a tick too many is taken off the next periods.
      #expect(cpu.usage <= .milliseconds(11) * Int(cpu.periods + 1) + .milliseconds(20), "\(cpu)")
      #expect(try eventually { try (cgroup.statistics().cpu?.throttled ?? .zero) > .zero })
      Glibc.kill(inmate.pid, SIGKILL)
      #expect(inmate.wait() == 137)
    }
  }

  @Test(
    "A device that no rule allows is refused with EPERM by the version 1 controller",
    .requires(.cgroupV1("devices")))
  func devicesV1() throws {
    try withCgroup {
      $0.devices = DeviceRule.containerDefaults
    } _: { (cgroup) throws in
      try expectDefaultDevices(in: cgroup)
    }
  }

  @Test(
    "A device that no rule allows is refused with EPERM by a program on the version 2 directory",
    .requires(.controller(.unified)))
  func devicesV2() throws {
    let unified = CgroupLayout(unified: try CgroupLayout.detect().unified)
    try withCgroup(controllers: .unified, layout: unified) {
      $0.devices = DeviceRule.containerDefaults
    } _: { (cgroup) throws in
      try expectDefaultDevices(in: cgroup)
      // Changed rules take the place of the old ones.
      try cgroup.update(CgroupResources { $0.devices = DeviceRule.everything })
      #expect(try Inmate(": < /dev/kmsg", in: cgroup).wait() == 0)
      try cgroup.update(CgroupResources { $0.devices = [] })
      #expect(try Inmate(": < /dev/zero", in: cgroup).wait() != 0)
    }
  }

  private func expectDefaultDevices(in cgroup: Cgroup) throws {
    #expect(try Inmate("head -c 1 /dev/zero > /dev/null && head -c 1 /dev/urandom > /dev/null", in: cgroup).wait() == 0)
    // The same program outside is the proof that the refusal comes from the cgroup.
    let descriptor = open("/dev/kmsg", O_RDONLY)
    try #require(descriptor >= 0)
    close(descriptor)
    #expect(try Inmate(": < /dev/kmsg", in: cgroup).wait() != 0)
    let node = "/tmp/containr-test-node-\(getpid())-\(cgroup.directories.count)"
    #expect(
      try Inmate("rm -f \(node); mknod \(node) c 1 11 || exit 7; (: < \(node)) && exit 8; rm -f \(node)", in: cgroup).wait()
        == 0)
  }

  @Test(
    "A cgroup whose limit the kernel refuses leaves nothing behind, and the error names file, value and reason",
    .requires(.controller(.cpuset)))
  func refusedLimit() throws {
    let layout = try CgroupLayout.detect()
    let parent = "containr-test-\(getpid())-refused"
    let error = #expect(throws: ContainrError.self) {
      try Cgroup.create(try CgroupPath(parent + "/a"), layout: layout) {
        $0.memory.limit = .mebibytes(50)
        $0.cpuset.cpus = [4000]
      }
    }
    #expect(error?.fields["file"]?.hasSuffix("/cpuset.cpus") == true)
    #expect(error?.fields["value"] == "4000")
    #expect(error?.hint?.contains("0-3,8") == true)
    for hierarchy in layout.hierarchies {
      #expect(access("\(hierarchy.mountPoint)/\(parent)", F_OK) != 0)
    }
  }

  @Test(
    "A process can join a new cpuset at once: it has its parent's CPUs and memory nodes",
    .requires(.controller(.cpuset)))
  func cpuset() throws {
    try withCgroup(controllers: [.cpuset, .freezer]) {
      $0.cpuset.cpus = [0]
    } _: { (cgroup) throws in
      #expect(try Inmate("[ $(nproc) = 1 ]", in: cgroup).wait() == 0)
      #expect(try cgroup.limits().cpuset.cpus == [0])
      // Version 2 leaves the file of a cgroup that was given none empty, and shows its parent's in another.
      let directory = try #require(cgroup.directory(.cpuset))
      if let effective = try FileContents.textIfPresent(directory.appending("cpuset.mems.effective")) {
        #expect(effective == "0\n")
      } else {
        #expect(try cgroup.limits().cpuset.mems == [0])
      }
    }
  }

  @Test("Frozen processes use no CPU until they are thawed", arguments: [false, true])
  func freeze(unified: Bool) throws {
    let controllers: CgroupControllers = unified ? [.cpuacct, .unified] : [.cpuacct, .freezer]
    guard try CgroupLayout.detect().controllers.isSuperset(of: controllers) else { return }
    try withCgroup(controllers: controllers, "freeze\(unified)") { cgroup in
      let inmate = try Inmate("while :; do :; done", in: cgroup)
      func usage() throws -> Duration { try #require(try cgroup.statistics().cpu).usage }
      #expect(try eventually { try usage() > .milliseconds(20) })
      try cgroup.freeze()
      #expect(try cgroup.isFrozen())
      let before = try usage()
      usleep(50_000)
      #expect(try usage() - before < .milliseconds(5))
      try cgroup.thaw()
      #expect(try eventually { try usage() - before > .milliseconds(10) })
      Glibc.kill(inmate.pid, SIGKILL)
      #expect(inmate.wait() == 137)
    }
  }

  @Test("kill() ends every process, also frozen ones and those in cgroups below", arguments: [false, true])
  func kill(unified: Bool) throws {
    let controllers: CgroupControllers = unified ? [.unified] : [.freezer, .pids]
    guard try CgroupLayout.detect().controllers.isSuperset(of: controllers) else { return }
    try withCgroup(controllers: controllers, "kill\(unified)") { cgroup in
      let directory = try #require(cgroup.directories.first).string
      let inmates = try (0..<3).map { _ in
        try Inmate(
          "mkdir -p \(directory)/below; sh -c 'echo 0 > \(directory)/below/cgroup.procs; exec sleep 60' & sleep 60 & wait",
          in: cgroup)
      }
      #expect(try eventually { try cgroup.processes().count == 9 && processes("\(directory)/below") == 3 })
      try cgroup.freeze()
      try cgroup.kill()
      #expect(inmates.map { $0.wait() } == [137, 137, 137])
      try cgroup.remove()
      #expect(access(directory, F_OK) != 0)
    }
  }

  @Test("A process that is added is in every directory, and one that is not there is CGROUP_ADD_PROCESS")
  func addProcess() throws {
    try withCgroup { cgroup in
      let other = try Cgroup.create(
        try CgroupPath("containr-test-\(getpid())-other"), layout: cgroup.layout, controllers: .pids)
      let inmate = try Inmate("exec sleep 60", in: other)
      #expect(try eventually { try other.processes() == [inmate.pid] })
      try cgroup.addProcess(inmate.pid)
      #expect(try cgroup.processes() == [inmate.pid])
      for directory in cgroup.directories { #expect(try processes(directory.string) == 1) }
      #expect(try !cgroup.processes().contains(getpid()))
      Glibc.kill(inmate.pid, SIGKILL)
      _ = inmate.wait()
      let error = #expect(throws: ContainrError.self) { try cgroup.addProcess(inmate.pid) }
      #expect(error?.code == .cgroupAddProcess)
      #expect(error?.systemCall?.errno == .noSuchProcess)
      try other.remove()
    }
  }

  @Test("A cgroup with a living process is not removed: CGROUP_REMOVE names the process")
  func removeBusy() throws {
    try withCgroup { cgroup in
      let inmate = try Inmate("exec sleep 60", in: cgroup)
      #expect(
        try eventually {
          try cgroup.processes() == [inmate.pid] && cgroup.directories.allSatisfy { try processes($0.string) == 1 }
        })
      let error = #expect(throws: ContainrError.self) { try cgroup.remove(timeout: .milliseconds(30)) }
      #expect(error?.code == .cgroupRemove)
      #expect(error?.hint?.contains("\(inmate.pid)") == true)
      try cgroup.kill()
      _ = inmate.wait()
    }
  }

  @Test("A living cgroup can be given a controller later, with its processes")
  func adding() throws {
    try withCgroup(controllers: .pids) { cgroup in
      let inmate = try Inmate("exec sleep 60", in: cgroup)
      #expect(try eventually { try cgroup.processes() == [inmate.pid] })
      var resources = CgroupResources()
      resources.cpu.shares = 300
      let refused = #expect(throws: ContainrError.self) { try cgroup.update(resources) }
      #expect(refused?.code == .cgroupControllerMissing)
      let larger = try cgroup.adding([.cpu, .freezer])
      try larger.update(resources)
      let share = try larger.limits().cpu
      #expect(share.shares == 300 || share.weight == CPUWeight(shares: 300))
      #expect(try processes(try #require(larger.directory(.cpu)).string) == 1)
      try larger.freeze()
      try larger.thaw()
      try larger.kill()
      _ = inmate.wait()
      try larger.remove()
      for hierarchy in cgroup.layout.v1 {
        if hierarchy.controllers == .pids { continue }
        rmdir(hierarchy.directory(try #require(cgroup.path.parent)).path)
      }
    }
  }

  @Test("Memory, CPU time and processes of a busy cgroup are counted")
  func statistics() throws {
    try withCgroup { cgroup in
      let inmate = try Inmate("x=$(head -c 600000 /dev/zero | tr '\\0' x); while :; do :; done", in: cgroup)
      #expect(
        try eventually {
          let now = try cgroup.statistics()
          return (now.cpu?.usage ?? .zero) > .milliseconds(20) && (now.memory?.usage ?? 0) > .kibibytes(600)
            && now.pids?.current == 1
        })
      let statistics = try cgroup.statistics()
      #expect(try #require(statistics.memory).limit == nil)
      #expect(try #require(statistics.pids).current == 1)
      let cpu = try #require(statistics.cpu)
      #expect(cpu.user + cpu.system <= cpu.usage + .milliseconds(50))
      Glibc.kill(inmate.pid, SIGKILL)
      _ = inmate.wait()
    }
  }

  private func processes(_ directory: String) throws -> Int {
    try FileContents.textIfPresent(FilePath(directory + "/cgroup.procs"))?.split(separator: "\n").count ?? 0
  }
}
