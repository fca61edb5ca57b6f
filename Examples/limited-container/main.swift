// Runs a container of 50 MB of memory and 256 CPU shares, and prints its limits as it sees them itself:
//
//   sudo limited-container

import Containr

let store = try ImageStore(StateDirectory.standard.appending("images"))
let image = try DefaultImage().resolve(in: store)

// Version 1 of cgroups has the first two files, version 2 the others.
let show = "cd /sys/fs/cgroup; grep -H . memory*/memory.limit_in_bytes cpu*/cpu.shares memory.max cpu.weight 2>/dev/null"
var configuration = try ContainerConfiguration(image: image, arguments: ["sh", "-c", show])
configuration.resources.memory.limit = .mebibytes(50)
configuration.resources.cpu.shares = 256

let state = try StateDirectory(StateDirectory.standard)
let peak = try await withContainer(configuration, in: state) { container in
  _ = try await container.wait()
  return try await container.statistics().memory?.peak
}
print("peak of memory: \(peak.map(String.init(describing:)) ?? "unknown")")
