import CContainrInit
import ContainrCore

extension LaunchPlan {
  /// The plan as the flat bytes that the child reads (`CContainrInit.h`), aligned to 8 bytes.
  ///
  /// - Throws: `INVALID_ARGUMENT` for a string with a NUL byte, and for a plan past 16 MiB.
  package func encoded() throws(ContainrError) -> [UInt64] {
    var encoder = PlanEncoder(operationCount: operations.count)
    for operation in operations { try encoder.encode(operation) }
    return try encoder.finish()
  }
}

/// Writes the data area, and operations that refer to it by offset.
private struct PlanEncoder {
  private var operations: [ci_operation] = []
  private var data: [UInt8] = []
  private var pointerCount = 0
  private let dataStart: Int

  init(operationCount: Int) {
    operations.reserveCapacity(operationCount)
    data.reserveCapacity(8192)
    dataStart = MemoryLayout<ci_plan>.size + operationCount * MemoryLayout<ci_operation>.size
  }

  func finish() throws(ContainrError) -> [UInt64] {
    var size = dataStart + data.count + 1
    size = (size + 7) & ~7
    guard size <= CI_MAXIMUM_SIZE else {
      throw ContainrError(.invalidArgument, "encoding the launch plan", hint: "arguments and environment exceed 16 MiB")
    }
    let header = ci_plan(
      magic: UInt32(CI_MAGIC), version: UInt32(CI_VERSION), size: UInt32(size),
      operation_count: UInt32(operations.count), pointer_count: UInt32(pointerCount), reserved: 0)
    return [UInt64](unsafeUninitializedCapacity: size / 8) { buffer, count in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      withUnsafeBytes(of: header) { bytes.copyMemory(from: $0) }
      operations.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: bytes[MemoryLayout<ci_plan>.size...]).copyMemory(from: $0)
      }
      data.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[dataStart...]).copyMemory(from: $0) }
      for index in (dataStart + data.count)..<size { bytes[index] = 0 }
      count = size / 8
    }
  }

  // MARK: Pieces

  private mutating func string(_ text: String) throws(ContainrError) -> UInt64 {
    let offset = dataStart + data.count
    var text = text
    let isClean = text.withUTF8 { bytes in
      data.append(contentsOf: bytes)
      return !bytes.contains(0)
    }
    guard isClean else {
      throw ContainrError(
        .invalidArgument, "encoding the launch plan",
        hint: "the text \"\(text)\" has a NUL byte, which the kernel reads as its end")
    }
    data.append(0)
    return UInt64(offset)
  }

  private mutating func optional(_ text: String?) throws(ContainrError) -> UInt64 {
    guard let text else { return 0 }
    return try string(text)
  }

  private mutating func align(to boundary: Int) {
    while (dataStart + data.count) % boundary != 0 { data.append(0) }
  }

  private mutating func bytes(_ bytes: some Collection<UInt8>, alignment: Int = 1) -> (offset: UInt64, count: UInt64) {
    align(to: alignment)
    let offset = dataStart + data.count
    data.append(contentsOf: bytes)
    return (UInt64(offset), UInt64(bytes.count))
  }

  private mutating func words(_ words: [UInt32]) -> (offset: UInt64, count: UInt64) {
    words.withUnsafeBytes { bytes($0, alignment: 4) }
  }

  private mutating func attribute(_ kind: UInt64, _ first: UInt64 = 0, _ second: UInt64 = 0, data: [UInt8]) {
    let data = bytes(data, alignment: 8)
    add(CI_ATTRIBUTE, kind, first, second, data.offset, data.count)
  }

  private mutating func list(_ texts: [String]) throws(ContainrError) -> (offset: UInt64, count: UInt64) {
    var offsets: [UInt32] = []
    offsets.reserveCapacity(texts.count)
    for text in texts { offsets.append(UInt32(truncatingIfNeeded: try string(text))) }
    return (words(offsets).offset, UInt64(texts.count))
  }

  private mutating func options(_ options: [MountOption]) throws(ContainrError) -> (offset: UInt64, count: UInt64) {
    var offsets: [UInt32] = []
    for option in options {
      offsets.append(UInt32(truncatingIfNeeded: try string(option.key)))
      offsets.append(UInt32(truncatingIfNeeded: try optional(option.value)))
    }
    return (words(offsets).offset, UInt64(offsets.count))
  }

  private mutating func add(_ code: ci_code, flags: UInt32 = 0, _ arguments: UInt64...) {
    var operation = ci_operation()
    operation.code = UInt32(code.rawValue)
    operation.flags = flags
    withUnsafeMutableBytes(of: &operation.argument) { target in
      arguments.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    operations.append(operation)
  }

  // MARK: Operations

  mutating func encode(_ operation: LaunchOperation) throws(ContainrError) {
    switch operation {
    case .propagation(let kind): add(CI_PROPAGATION, kind.rawValue)
    case .mount(let slot, let type, let source, let mountOptions, let attributes):
      let type = try string(type)
      let source = try optional(source)
      let list = try options(mountOptions)
      add(CI_MOUNT, slot.raw, type, source, list.offset, list.count, attributes.rawValue)
    case .bind(let slot, let directory, let path, let recursive):
      add(CI_BIND, flags: recursive ? 1 : 0, slot.raw, directory.raw, try optional(path))
    case .mountAttributes(let slot, let set, let clear, let propagation, let userNamespace, let recursive):
      // The ways to keep access times are one field to the kernel, which is replaced as a whole.
      let clear = set.isDisjoint(with: .accessTimeMode) ? clear : clear.union(.accessTimeMode)
      add(
        CI_MOUNT_ATTRIBUTES, flags: recursive ? 1 : 0, slot.raw, set.rawValue, clear.rawValue, propagation?.rawValue ?? 0,
        (userNamespace ?? LaunchSlot.none).raw)
    case .attach(let slot, let root, let path, let create, let followLinks):
      let flags =
        (create ? UInt32(CI_ATTACH_CREATE) : 0)
        | (followLinks ? 0 : UInt32(CI_ATTACH_NO_SYMBOLIC_LINKS))
      add(CI_ATTACH, flags: flags, slot.raw, root.raw, try string(path))
    case .attachOnHost(let slot, let path):
      add(CI_ATTACH, flags: UInt32(CI_ATTACH_HOST), slot.raw, LaunchSlot.workingDirectory.raw, try string(path))
    case .classicMount(let source, let target, let type, let flags, let data):
      add(CI_CLASSIC_MOUNT, try string(source), try string(target), try string(type), flags, try string(data))
    case .reconfigure(let slot, let changes):
      let list = try options(changes)
      add(CI_RECONFIGURE, slot.raw, list.offset, list.count)
    case .copyTree(let target, let root, let path, let withAttributes):
      add(CI_COPY_TREE, flags: withAttributes ? 1 : 0, target.raw, root.raw, try string(path))
    case .mask(let root, let path, let nullDevice, let emptyDirectory):
      add(CI_MASK, root.raw, try string(path), nullDevice.raw, emptyDirectory.raw)
    case .readOnly(let root, let path): add(CI_READ_ONLY, root.raw, try string(path))
    case .pivot(let root): add(CI_PIVOT, root.raw)
    case .changeRoot(let root): add(CI_CHANGE_ROOT, root.raw)
    case .open(let slot, let directory, let path, let flags, let inRoot):
      add(CI_OPEN, flags: inRoot ? 1 : 0, slot.raw, directory.raw, try string(path), UInt64(UInt32(bitPattern: flags)))
    case .close(let slot): add(CI_CLOSE, slot.raw)
    case .makeDirectory(let root, let path, let mode): add(CI_MAKE_DIRECTORY, root.raw, try string(path), UInt64(mode))
    case .symbolicLink(let root, let path, let target):
      add(CI_SYMBOLIC_LINK, root.raw, try string(path), try string(target))
    case .device(let root, let path, let mode, let device, let uid, let gid):
      add(CI_DEVICE, root.raw, try string(path), UInt64(mode), device, UInt64(uid), UInt64(gid))
    case .writeProc(let proc, let path, let text):
      let path = try string(path)
      let text = bytes(text.utf8)
      add(CI_WRITE_PROC, proc.raw, path, text.offset, text.count)
    case .write(let file, let text, _):
      let text = bytes(text.utf8)
      add(CI_WRITE, file.raw, text.offset, text.count)
    case .fileModeMask(let mask): add(CI_FILE_MODE_MASK, UInt64(mask))
    case .workingDirectory(let path, let anywhere):
      add(CI_WORKING_DIRECTORY, flags: anywhere ? 1 : 0, try string(path))
    case .hostname(let name): add(CI_HOSTNAME, try string(name))
    case .domainName(let name): add(CI_DOMAIN_NAME, try string(name))
    case .interfaceUp(let name): add(CI_INTERFACE_UP, try string(name))
    case .resourceLimit(let resource, let soft, let hard): add(CI_RESOURCE_LIMIT, UInt64(resource), soft, hard)
    case .groups(let groups):
      let list = words(groups)
      add(CI_GROUPS, list.offset, list.count)
    case .ids(let uid, let gid): add(CI_IDS, UInt64(uid), UInt64(gid))
    case .boundingCapabilities(let mask): add(CI_BOUNDING, mask)
    case .capabilities(let effective, let permitted, let inheritable):
      add(CI_CAPABILITIES, effective, permitted, inheritable)
    case .ambientCapabilities(let mask): add(CI_AMBIENT, mask)
    case .control(let control): add(CI_CONTROL, control.arguments.option, control.arguments.value)
    case .seccomp(let filter, let flags, let listener):
      let program = bytes(filter, alignment: 8)
      add(CI_SECCOMP, flags: flags, program.offset, program.count, (listener ?? .none).raw)
    case .sessionKeyring(let name): add(CI_SESSION_KEYRING, try optional(name))
    case .securityLabel(let proc, _, let path, let text):
      let path = try string(path)
      let text = bytes(text.utf8)
      add(CI_WRITE_PROC, proc.raw, path, text.offset, text.count)
    case .landlockRuleset(let slot, let files, let network, let scopes):
      add(CI_LANDLOCK_RULESET, slot.raw, files, network, scopes)
    case .landlockPath(let ruleset, let root, let path, let rights, let mayBeMissing):
      add(CI_LANDLOCK_PATH, flags: mayBeMissing ? 1 : 0, ruleset.raw, root.raw, try string(path), rights)
    case .landlockPort(let ruleset, let port, let rights):
      add(CI_LANDLOCK_PORT, ruleset.raw, UInt64(port), rights)
    case .landlockRestrict(let ruleset, let flags): add(CI_LANDLOCK_RESTRICT, flags: flags, ruleset.raw)
    case .newSession: add(CI_NEW_SESSION)
    case .terminal(let devpts, let controller, let terminal, let rows, let columns, let owner):
      add(CI_TERMINAL, devpts.raw, controller.raw, terminal.raw, UInt64(rows), UInt64(columns), UInt64(owner))
    case .controllingTerminal(let slot): add(CI_CONTROLLING_TERMINAL, slot.raw)
    case .send(let slot, let socket, let mark): add(CI_SEND, socket.raw, slot.raw, mark)
    case .standardStreams(let input, let output, let error):
      add(CI_STANDARD_STREAMS, (input ?? LaunchSlot.none).raw, (output ?? LaunchSlot.none).raw, (error ?? LaunchSlot.none).raw)
    case .barrier(let barrier, let socket): add(CI_BARRIER, socket.raw, UInt64(barrier.rawValue))
    case .join(let slot, let flags, _): add(CI_JOIN, slot.raw, flags)
    case .unshare(let flags): add(CI_UNSHARE, flags)
    case .fork: add(CI_FORK)
    case .awaitStart(let listener, let first): add(CI_AWAIT_START, listener.raw, UInt64(first))
    case .hook(let path, let arguments, let environment, let input, let timeout):
      let lists = (try list([path] + arguments), try list(environment))
      let input = bytes(input)
      pointerCount += 1 + arguments.count + environment.count + 2
      add(
        CI_HOOK, flags: timeout, lists.0.offset, lists.0.count, lists.1.offset, lists.1.count, input.offset, input.count)
    case .signals(let blocked): add(CI_SIGNALS, blocked)
    case .closeFrom(let first, let onExec): add(CI_CLOSE_FROM, flags: onExec ? 1 : 0, UInt64(first))
    case .findProgram(let paths, _):
      let paths = try list(paths)
      add(CI_FIND_PROGRAM, paths.offset, paths.count)
    case .attribute(.scheduler(let data)): attribute(1, data: data)
    case .attribute(.ioPriority(let value)): attribute(2, value, data: [])
    case .attribute(.memoryPolicy(let mode, let nodes)):
      let data = nodes.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
      // The kernel counts one bit more than there are.
      attribute(3, mode, nodes.isEmpty ? 0 : UInt64(nodes.count * 64 + 1), data: data)
    case .attribute(.personality(let domain)): attribute(4, domain, data: [])
    case .attribute(.processors(let words)):
      attribute(5, data: words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } })
    case .execute(let paths, let arguments, let environment, let byDescriptor, let anyLink):
      let lists = (try list(paths), try list(arguments), try list(environment))
      pointerCount += paths.count + arguments.count + environment.count + 3
      add(
        CI_EXECUTE,
        flags: (byDescriptor ? UInt32(CI_EXECUTE_BY_DESCRIPTOR) : 0) | (anyLink ? UInt32(CI_EXECUTE_ANY_LINK) : 0),
        lists.0.offset, lists.0.count, lists.1.offset, lists.1.count, lists.2.offset, lists.2.count)
    }
  }
}

extension LaunchSlot {
  fileprivate var raw: UInt64 { UInt64(index) }
}
