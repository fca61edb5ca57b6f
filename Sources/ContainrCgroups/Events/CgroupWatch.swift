import CContainrLinux
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// The open files and last counters behind ``CgroupEvents``.
///
/// All descriptors are in one epoll(7) instance, which is what the reader waits for; then every file is read again and
/// compared. A kernel file is ready (`EPOLLPRI`) from a change until it is read.
final class CgroupWatch: Sendable {
  enum Look {
    case event(CgroupEvent)
    /// Nothing yet; the descriptor to wait for.
    case nothing(CInt)
    case gone
  }

  private let state: Mutex<State?>

  init(_ cgroup: Cgroup) throws(ContainrError) {
    let first = try State(cgroup)
    try first.look()
    // What is so at the beginning is no event.
    first.events = []
    state = Mutex(first)
  }

  /// The next event that has happened. Reads some small files.
  func look() throws(ContainrError) -> Look {
    let result = state.withLock { state -> Result<Look, ContainrError> in
      guard let current = state else { return .success(.gone) }
      return Result { () throws(ContainrError) in
        if current.events.isEmpty { try current.look() }
        if !current.events.isEmpty { return .event(current.events.removeFirst()) }
        if !current.isGone { return .nothing(current.epoll) }
        state = nil
        return .gone
      }
    }
    return try result.get()
  }

  /// Closes all descriptors; nothing happens after that.
  func close() { state.withLock { $0 = nil } }
}

extension CgroupWatch {
  private final class State {
    let cgroup: Cgroup
    var events: [CgroupEvent] = []
    var isGone = false

    /// The descriptors of what is not there are -1, and `close(2)` of that does nothing.
    private(set) var epoll: CInt = -1
    private var timer: CInt = -1
    /// `memory.oom_control` or `memory.events`, `pids.events`, `cgroup.events`.
    private var memory: CInt = -1
    private var pids: CInt = -1
    private var core: CInt = -1
    /// The eventfd that version 1 signals when memory ran out, and when the cgroup is removed.
    private var notice: CInt = -1
    /// The pidfd of one process of a cgroup without a version 2 directory: as long as it lives the cgroup is not empty.
    private var member: CInt = -1

    private var last = Counters()
    /// Looks to come after a notice: version 1 gives it before the kill is counted.
    private var looksForKill = 0
    /// Looks at an empty cgroup: it may be removed, or on version 1 joined, without a word.
    private var looksWhileEmpty = 0

    private struct Counters {
      var oom: UInt64 = 0
      var oomKill: UInt64 = 0
      var max: UInt64 = 0
      var high: UInt64 = 0
      var pids: UInt64 = 0
      var isPopulated = false
      var isFrozen = false
    }

    init(_ cgroup: Cgroup) throws(ContainrError) {
      self.cgroup = cgroup
      epoll = try check(cl_epoll_create(), .cgroupStatistics, "epoll_create1(2)", activity)
      timer = try check(cl_timerfd(), .cgroupStatistics, "timerfd_create(2)", activity)
      try add(timer, EPOLLIN.rawValue)
      for place in cgroup.places {
        if place.controllers.contains(.memory) { try watchMemory(place.directory) }
        if place.controllers.contains(.pids) { pids = try open("pids.events", place.directory, EPOLLPRI.rawValue) }
        if place.directory.version == .v2 { core = try open("cgroup.events", place.directory, EPOLLPRI.rawValue) }
      }
    }

    deinit {
      for descriptor in [epoll, timer, memory, pids, core, notice, member] { Glibc.close(descriptor) }
    }

    private var activity: String { "watching the cgroup \(cgroup.path)" }

    private func watchMemory(_ directory: CgroupDirectory) throws(ContainrError) {
      guard directory.version == .v1 else {
        memory = try open("memory.events", directory, EPOLLPRI.rawValue)
        return
      }
      memory = try open("memory.oom_control", directory, nil)
      guard memory >= 0 else { return }
      notice = try check(cl_eventfd(), .cgroupStatistics, "eventfd(2)", activity)
      try directory.write("cgroup.event_control", "\(notice) \(memory)", .cgroupStatistics)
      try add(notice, EPOLLIN.rawValue)
    }

    /// Opens a file and watches it; -1 where the kernel has none here.
    private func open(_ name: String, _ directory: CgroupDirectory, _ events: UInt32?) throws(ContainrError) -> CInt {
      let result = cl_openat(AT_FDCWD, directory.file(name), O_RDONLY | O_CLOEXEC, 0)
      if result == -ENOENT || result == -ENODEV { return -1 }
      try check(result, .cgroupStatistics, "openat(2)", "opening \(directory.file(name))")
      do throws(ContainrError) {
        if let events { try add(result, events) }
      } catch {
        Glibc.close(result)
        throw error
      }
      return result
    }

    private func add(_ descriptor: CInt, _ events: UInt32) throws(ContainrError) {
      try check(cl_epoll_add(epoll, descriptor, events, 0), .cgroupStatistics, "epoll_ctl(2)", activity)
    }

    // MARK: Looking

    /// Reads everything, and appends what is new to ``events``.
    func look() throws(ContainrError) {
      var now = last
      let noticed = takeNotice()
      now.oom &+= noticed
      try readFiles(&now)
      if core < 0 { now.isPopulated = try findMember() }
      if !now.isPopulated, !cgroup.places.allSatisfy({ access($0.directory.path, F_OK) == 0 }) { isGone = true }
      // The notice of version 1 comes at the removal too.
      if isGone { now.oom = last.oom }
      append(now)
      if now.oomKill > last.oomKill { looksForKill = 0 } else if noticed > 0, !isGone { looksForKill = 12 }
      last = now
      if !isGone { try setTimer() }
    }

    private func takeNotice() -> UInt64 {
      var count: UInt64 = 0
      return notice >= 0 && read(notice, &count, 8) == 8 ? count : 0
    }

    private func readFiles(_ now: inout Counters) throws(ContainrError) {
      var counters = now
      if memory >= 0 {
        try table(memory) { (key, value) throws(ContainrError) in
          switch key {
          case "oom": counters.oom = try value.number()
          case "oom_kill": counters.oomKill = try value.number()
          case "max": counters.max = try value.number()
          case "high": counters.high = try value.number()
          default: break
          }
        }
      }
      if pids >= 0 {
        try table(pids) { (key, value) throws(ContainrError) in
          if case "max" = key { counters.pids = try value.number() }
        }
      }
      if core >= 0 {
        counters.isPopulated = false
        try table(core) { (key, value) throws(ContainrError) in
          switch key {
          case "populated": counters.isPopulated = try value.number() == 1
          case "frozen": counters.isFrozen = try value.number() == 1
          default: break
          }
        }
      }
      now = counters
    }

    /// Reads lines `name value`. A file of a removed cgroup has none.
    private func table(
      _ descriptor: CInt, _ body: (KernelText, KernelText) throws(ContainrError) -> Void
    ) throws(ContainrError) {
      var failure: ContainrError?
      let errno = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { buffer -> Errno? in
        let count = pread(descriptor, buffer.baseAddress!, buffer.count, 0)
        guard count >= 0 else { return Errno.current }
        var text = KernelText(UnsafeBufferPointer(rebasing: buffer[..<count]))
        do throws(ContainrError) {
          while var line = text.line() {
            if let key = line.word(), let value = line.word() { try body(key, value) }
          }
        } catch { failure = error }
        return nil
      }
      if let errno, errno != .operationNotSupportedByDevice, errno != .interrupted { failure = failure ?? readFailed(errno) }
      if var failure {
        failure.activity = activity
        throw failure
      }
    }

    private func readFailed(_ errno: Errno) -> ContainrError {
      .errno(errno, .cgroupStatistics, activity, call: "pread(2)")
    }

    /// Keeps a living process of the cgroup in ``member``; whether there is one.
    private func findMember() throws(ContainrError) -> Bool {
      if member >= 0 {
        if !Self.hasEnded(member) { return true }
        _ = cl_epoll_remove(epoll, member)
        Glibc.close(member)
        member = -1
      }
      for pid in try cgroup.living() {
        let result = cl_pidfd_open(pid, 0)
        if result == -ESRCH || result == -EINVAL { continue }
        member = try check(result, .cgroupStatistics, "pidfd_open(2)", activity)
        if !Self.hasEnded(member) {
          try add(member, EPOLLIN.rawValue)
          return true
        }
        Glibc.close(member)
        member = -1
      }
      return false
    }

    private static func hasEnded(_ pidfd: CInt) -> Bool {
      var entry = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
      return poll(&entry, 1, 0) == 1
    }

    private func append(_ now: Counters) {
      if now.max > last.max { events.append(.memoryLimitReached(count: now.max - last.max)) }
      if now.high > last.high { events.append(.memoryHighReached(count: now.high - last.high)) }
      if now.oom > last.oom { events.append(.outOfMemory(count: now.oom - last.oom)) }
      if now.oomKill > last.oomKill { events.append(.oomKill(count: now.oomKill - last.oomKill)) }
      if now.pids > last.pids { events.append(.pidsLimitReached(count: now.pids - last.pids)) }
      if now.isFrozen != last.isFrozen { events.append(now.isFrozen ? .frozen : .thawed) }
      if now.isPopulated != last.isPopulated { events.append(now.isPopulated ? .populated : .empty) }
    }

    /// Looks again by itself where the kernel will not say a word.
    private func setTimer() throws(ContainrError) {
      looksWhileEmpty = last.isPopulated ? 0 : min(looksWhileEmpty + 1, 8)
      var milliseconds: UInt64 = 0
      if looksForKill > 0 {
        milliseconds = 1 << UInt64((12 - looksForKill) / 2)
        looksForKill -= 1
      } else if looksWhileEmpty > 0 {
        milliseconds = 1 << UInt64(looksWhileEmpty)
      }
      try check(
        cl_timerfd_set(timer, milliseconds * 1_000_000), .cgroupStatistics, "timerfd_settime(2)", activity)
    }
  }
}
