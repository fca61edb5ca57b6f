import ContainrCore
import ContainrOCI
import Testing

/// A configuration with every member of the specification, in the order in which it is written.
private let complete = """
  {"ociVersion":"1.3.0","process":{"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":1,"gid":2,\
  "umask":18,"additionalGids":[3,4294967294]},"args":["sh","-c","true"],"env":["PATH=/bin","EMPTY="],"cwd":"/home",\
  "capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"],"inheritable":[],"permitted":["CAP_KILL"],"ambient":[]},\
  "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],"noNewPrivileges":true,\
  "apparmorProfile":"web","oomScoreAdj":-500,"scheduler":{"policy":"SCHED_DEADLINE","nice":0,"priority":0,"flags":\
  ["SCHED_FLAG_RESET_ON_FORK"],"runtime":1000000,"deadline":2000000,"period":3000000},"selinuxLabel":"a:b:c:s0",\
  "ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":7},"execCPUAffinity":{"initial":"0-1","final":"1"}},\
  "root":{"path":"rootfs","readonly":true},"hostname":"web","domainname":"example","mounts":[{"destination":"/proc","type":\
  "proc","source":"proc","options":["nosuid"]},{"destination":"/data","type":"bind","source":"/srv","options":["rbind",\
  "ridmap"],"uidMappings":[{"containerID":0,"hostID":1000,"size":10}],"gidMappings":[{"containerID":0,"hostID":1000,\
  "size":10}]}],"hooks":{"prestart":[{"path":"/a"}],"createRuntime":[{"path":"/b","args":["b"],"env":["A=1"],"timeout":3}],\
  "createContainer":[{"path":"/c"}],"startContainer":[{"path":"/d"}],"poststart":[{"path":"/e"}],"poststop":[{"path":"/f"}]},\
  "annotations":{"a":"1"},"linux":{"uidMappings":[{"containerID":0,"hostID":1000,"size":1}],"gidMappings":[{"containerID":\
  0,"hostID":1000,"size":1}],"sysctl":{"net.core.somaxconn":"256"},"resources":{"devices":[{"allow":false,"access":"rwm"},\
  {"allow":true,"type":"c","major":1,"minor":3,"access":"rw"}],"memory":{"limit":-1,"reservation":1,"swap":-1,"kernel":0,\
  "kernelTCP":0,"swappiness":60,"disableOOMKiller":false,"useHierarchy":true,"checkBeforeUpdate":true},"cpu":{"shares":1024,\
  "quota":-1,"burst":1,"period":100000,"realtimeRuntime":1,"realtimePeriod":2,"cpus":"0-3,8","mems":"0","idle":1},"pids":\
  {"limit":-1},"blockIO":{"weight":10,"leafWeight":11,"weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300}],\
  "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],"throttleWriteBpsDevice":[],"throttleReadIOPSDevice":[],\
  "throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":300}]},"hugepageLimits":[{"pageSize":"2MB","limit":\
  9223372036854775808}],"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]},"rdma":{"mlx5_1":\
  {"hcaHandles":3,"hcaObjects":10000}},"unified":{"io.max":"8:0 rbps=1"}},"cgroupsPath":"/a/b","namespaces":[{"type":"pid",\
  "path":"/proc/1/ns/pid"},{"type":"network"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"user"},{"type":\
  "cgroup"},{"type":"time"}],"devices":[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438,"uid":0,"gid":\
  0}],"netDevices":{"eth1":{"name":"inner"},"eth2":{}},"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/s",\
  "listenerMetadata":"m"},"rootfsPropagation":"rslave","maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"],\
  "mountLabel":"a:b:c:s0","intelRdt":{"closID":"guaranteed","schemata":["L3:0=f"],"l3CacheSchema":"L3:0=7f0","memBwSchema":\
  "MB:0=20","enableMonitoring":true},"memoryPolicy":{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_STATIC_NODES"]},\
  "personality":{"domain":"LINUX32","flags":[]},"timeOffsets":{"boottime":{"secs":-1},"monotonic":{"secs":1,"nanosecs":2}}},\
  "windows":{"layerFolders":["x"]}}
  """

private func parse(_ text: String) throws -> OCI.RuntimeSpec {
  try OCI.RuntimeSpec(parsing: Array(text.utf8), as: "config.json", code: .invalidConfiguration)
}

private func violations(_ change: (inout OCI.RuntimeSpec) -> Void) -> [OCI.RuntimeSpec.Violation] {
  var spec = OCI.RuntimeSpec()
  spec.root = .init(path: "rootfs")
  spec.process = .init(args: ["true"])
  spec.linux = .init()
  change(&spec)
  return spec.violations
}

@Suite("A bundle's config.json") struct RuntimeSpecTests {
  @Test func everyMemberOfTheSpecificationIsReadAndWrittenWithoutLoss() throws {
    let spec = try parse(complete)
    #expect(try spec.json.text() == complete)
    #expect(spec.violations.isEmpty)
    #expect(spec.linux?.rootfsPropagation == .rslave)
    #expect(spec.process?.rlimits?[0].hard == .max)
  }

  @Test func unknownKeysArePassedOver() throws {
    let spec = try parse(#"{"ociVersion":"1.9.0","future":{"a":[1]},"process":{"cwd":"/","args":["a"],"new":true}}"#)
    #expect(spec.process?.args == ["a"])
  }

  @Test(
    "A value of the wrong type is refused with its place",
    arguments: [
      (#"{"ociVersion":1}"#, "$.ociVersion"),
      (#"{"ociVersion":"1.0.0","process":[]}"#, "$.process"),
      (#"{"ociVersion":"1.0.0","process":{"cwd":"/","args":["a",2]}}"#, "$.process.args[1]"),
      (#"{"ociVersion":"1.0.0","process":{"cwd":"/","user":{"uid":-1}}}"#, "$.process.user.uid"),
      (#"{"ociVersion":"1.0.0","process":{"cwd":"/","user":{"uid":4294967296}}}"#, "$.process.user.uid"),
      (#"{"ociVersion":"1.0.0","process":{"cwd":"/","ioPriority":{"class":"HIGH"}}}"#, "$.process.ioPriority.class"),
      (
        #"{"ociVersion":"1.0.0","process":{"cwd":"/","scheduler":{"policy":"SCHED_OTHER","flags":["X"]}}}"#,
        "$.process.scheduler.flags[0]"
      ),
      (#"{"ociVersion":"1.0.0","linux":{"namespaces":[{"type":"pid"},{"type":"moon"}]}}"#, "$.linux.namespaces[1].type"),
      (#"{"ociVersion":"1.0.0","linux":{"rootfsPropagation":"sideways"}}"#, "$.linux.rootfsPropagation"),
      (#"{"ociVersion":"1.0.0","linux":{"resources":{"memory":{"limit":"1g"}}}}"#, "$.linux.resources.memory.limit"),
      (#"{"ociVersion":"1.0.0","linux":{"resources":{"pids":7}}}"#, "$.linux.resources.pids"),
      (#"{"ociVersion":"1.0.0","linux":{"seccomp":"none"}}"#, "$.linux.seccomp"),
      (#"{"ociVersion":"1.0.0","linux":{"netDevices":{"eth0":"x"}}}"#, "$.linux.netDevices.eth0"),
      (#"{"ociVersion":"1.0.0","mounts":[{"type":"bind"}]}"#, "$.mounts[0]"),
      (#"{"ociVersion":"1.0.0","hooks":{"poststop":[{"path":"/a","timeout":1.5}]}}"#, "$.hooks.poststop[0].timeout"),
      (#"{"ociVersion":"1.0.0","annotations":{"a":1}}"#, "$.annotations.a"),
      (#"{"process":{}}"#, "$"),
    ])
  func wrongType(text: String, place: String) throws {
    let error = try #require(throws: ContainrError.self) { try parse(text) }
    #expect(error.code == .invalidConfiguration)
    #expect(error.fields["path"] == place)
  }

  @Test func whatEnginesWriteForNotSetIsNotSet() throws {
    let spec = try parse(
      #"{"ociVersion":"1.0.2-dev","process":null,"linux":{"rootfsPropagation":"","namespaces":[{"type":"pid","path":""}]}}"#)
    #expect(spec.process == nil)
    #expect(spec.linux?.rootfsPropagation == nil)
    #expect(spec.linux?.namespaces == [.init(.pid)])
  }

  @Test func aDocumentWithoutDefectHasNoViolation() throws {
    #expect(violations { _ in }.isEmpty)
    #expect(violations { $0.ociVersion = "1.0.2-dev" }.isEmpty)
  }

  @Test func everyViolationNamesItsPlaceAndItsSection() throws {
    typealias Case = (String, String, (inout OCI.RuntimeSpec) -> Void)
    let cases: [Case] = [
      ("$.ociVersion", "config.md#specification-version", { $0.ociVersion = "1.0" }),
      ("$.ociVersion", "config.md#specification-version", { $0.ociVersion = "2.0.0" }),
      ("$.ociVersion", "config.md#specification-version", { $0.ociVersion = "1.+2.0" }),
      ("$", "config.md#root", { $0.root = nil }),
      ("$.root.path", "config.md#root", { $0.root?.path = "" }),
      ("$.process.cwd", "config.md#process", { $0.process?.cwd = "home" }),
      ("$.process.args", "config.md#process", { $0.process?.args = [] }),
      ("$.process.env[0]", "config.md#process", { $0.process?.env = ["NOVALUE"] }),
      (
        "$.process.rlimits[1].type", "config.md#posix-process",
        {
          $0.process?.rlimits = [.init(type: "RLIMIT_CORE", hard: 0, soft: 0), .init(type: "RLIMIT_CORE", hard: 0, soft: 0)]
        }
      ),
      (
        "$.process.rlimits[0]", "config.md#posix-process",
        { $0.process?.rlimits = [.init(type: "RLIMIT_CORE", hard: 1, soft: 2)] }
      ),
      ("$.process.oomScoreAdj", "config.md#linux-process", { $0.process?.oomScoreAdj = 1001 }),
      (
        "$.process.ioPriority.priority", "config.md#linux-process",
        { $0.process?.ioPriority = .init(class: .idle, priority: 8) }
      ),
      (
        "$.process.scheduler.nice", "config.md#linux-process",
        {
          $0.process?.scheduler = .init(policy: .other)
          $0.process?.scheduler?.nice = 20
        }
      ),
      (
        "$.process.scheduler.priority", "config.md#linux-process",
        {
          $0.process?.scheduler = .init(policy: .batch)
          $0.process?.scheduler?.priority = 1
        }
      ),
      ("$.process.execCPUAffinity.final", "config.md#linux-process", { $0.process?.execCPUAffinity = .init(final: "3-1") }),
      ("$.mounts[0].destination", "config.md#mounts", { $0.mounts = [.init(destination: "")] }),
      ("$.mounts[0]", "config.md#mounts", { $0.mounts = [.init(destination: "/a", uidMappings: [])] }),
      (
        "$.hooks.poststop[0].path", "config.md#posix-platform-hooks",
        {
          $0.hooks = .init()
          $0.hooks?.poststop = [.init(path: "true")]
        }
      ),
      (
        "$.hooks.poststart[0].timeout", "config.md#posix-platform-hooks",
        {
          $0.hooks = .init()
          $0.hooks?.poststart = [.init(path: "/bin/true", timeout: 0)]
        }
      ),
      ("$.hostname", "config.md#hostname", { $0.hostname = "a" }),
      ("$.annotations", "config.md#annotations", { $0.annotations = ["": "a"] }),
      ("$.linux.namespaces[1].type", "config-linux.md#namespaces", { $0.linux?.namespaces = [.init(.pid), .init(.pid)] }),
      ("$.linux.namespaces[0].path", "config-linux.md#namespaces", { $0.linux?.namespaces = [.init(.pid, path: "ns")] }),
      (
        "$.linux.uidMappings", "config-linux.md#user-namespace-mappings",
        {
          $0.linux?.uidMappings = [.init(containerID: 0, hostID: 0, size: 1)]
        }
      ),
      ("$.linux.timeOffsets", "config-linux.md#offset-for-time-namespace", { $0.linux?.timeOffsets = ["monotonic": .init()] }),
      ("$.linux.devices[0].path", "config-linux.md#devices", { $0.linux?.devices = [.init(path: "null", type: .character)] }),
      ("$.linux.maskedPaths[0]", "config-linux.md#masked-paths", { $0.linux?.maskedPaths = ["proc"] }),
      (
        "$.linux.intelRdt.closID", "config-linux.md#intelrdt",
        {
          $0.linux?.intelRdt = .init()
          $0.linux?.intelRdt?.closID = ".."
        }
      ),
      ("$.linux.netDevices", "config-linux.md#network-devices", { $0.linux?.netDevices = ["eth0": .init(name: "a/b")] }),
      ("$.linux.seccomp.listenerMetadata", "config-linux.md#seccomp", { $0.linux?.seccomp = ["listenerMetadata": "m"] }),
      (
        "$.linux.resources.cpu.burst", "config-linux.md#cpu",
        {
          $0.linux?.resources = .init()
          $0.linux?.resources?.cpu = .init()
          $0.linux?.resources?.cpu?.quota = 1
          $0.linux?.resources?.cpu?.burst = 2
        }
      ),
      (
        "$.linux.resources.devices[0].access", "config-linux.md#allowed-device-list",
        {
          $0.linux?.resources = .init()
          $0.linux?.resources?.devices = [.init(allow: true)]
          $0.linux?.resources?.devices?[0].access = "rx"
        }
      ),
    ]
    for (path, section, change) in cases {
      let found = violations(change)
      #expect(found.map(\.path) == [path], "\(found)")
      #expect(found.first?.section == section)
    }
  }

  @Test func validationListsAllViolationsAtOnce() throws {
    var spec = OCI.RuntimeSpec(ociVersion: "1")
    spec.process = .init(args: nil, cwd: "")
    let error = try #require(throws: ContainrError.self) { try spec.validate() }
    #expect(error.code == .invalidConfiguration)
    for place in ["$.ociVersion", "$.process.cwd", "$.process.args", "\"root\" is missing"] {
      #expect(error.hint?.contains(place) == true)
    }
  }

  @Test func aStateDocumentSurvivesTheRoundTrip() throws {
    let state = OCI.State(id: "web", status: .running, pid: 7, bundle: "/b", annotations: ["a": "1"])
    let text = #"{"ociVersion":"1.3.0","id":"web","status":"running","pid":7,"bundle":"/b","annotations":{"a":"1"}}"#
    #expect(try state.json.text() == text)
    #expect(try OCI.State(parsing: Array(text.utf8), as: "state.json") == state)
  }
}
