import ContainrCore
import SystemPackage

/// `net_prio.ifpriomap` (`cgroup-v1/net_prio.rst`). Version 1 only.
enum NetPrioController: ControllerFiles {
  static var controller: CgroupControllers { .netPrio }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    for (interface, priority) in resources.network.priorities.sorted(by: { $0.key < $1.key }) {
      try limits.checkWord(interface, "the network priority of the interface")
      try limits.write("net_prio.ifpriomap", "\(interface) \(priority)") { errno in
        errno == .operationNotSupportedByDevice ? "no interface of this network namespace has the name" : nil
      }
    }
  }

  /// Those that are not 0: the file lists every interface.
  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    for (interface, words) in try directory.keyedLines("net_prio.ifpriomap") {
      if let priority = words.first.flatMap({ UInt32($0) }), priority > 0 {
        resources.network.priorities[String(interface)] = priority
      }
    }
  }
}
