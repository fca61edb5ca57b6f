import ContainrCore
import ContainrOCI
import ContainrRootFS
import ContainrRuntime
import ContainrSecurity
import Testing

@Suite("OCI features") struct OCIFeaturesTests {
  @Test func everyNameThatIsListedIsAccepted() throws {
    let features = OCIRuntime.features
    #expect(features.mountOptions.count > 50)
    for option in features.mountOptions {
      let mount = try Mount(ociType: "tmpfs", source: "/tmp", destination: "/x", options: [option])
      #expect(mount.options.isEmpty, "\(option) goes to the file system")
    }
    for name in features.linux.namespaces { #expect(OCI.RuntimeSpec.Linux.Namespace.Kind(rawValue: name) != nil) }
    for name in features.linux.capabilities { _ = try Capability(named: name) }
    let filter = features.linux.seccomp
    for action in filter.actions { _ = try SeccompProfile(json: ["defaultAction": .string(action)]) }
    for arch in filter.archs {
      _ = try SeccompProfile(json: ["defaultAction": "SCMP_ACT_ALLOW", "architectures": [.string(arch)]])
    }
    for flag in filter.knownFlags {
      _ = try SeccompProfile(json: ["defaultAction": "SCMP_ACT_ALLOW", "flags": [.string(flag)]])
    }
    for name in filter.operators {
      let condition: JSON = ["index": 0, "value": 1, "op": .string(name)]
      let rule: JSON = ["names": ["read"], "action": "SCMP_ACT_LOG", "args": [condition]]
      _ = try SeccompProfile(json: ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]])
    }
    #expect(try features.json.text().contains("\"ociVersionMax\":\"1.3.0\""))
  }
}
