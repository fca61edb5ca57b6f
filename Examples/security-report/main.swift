// What a default container may do on this machine.
import ContainrSecurity

let held = try CapabilitySet.heldByCaller()
let granted = try CapabilityAdjustment().resolve(available: held)
let process = try Capabilities(granting: granted, toUser: 0)
print("capabilities (\(granted.count) of \(held.count) that this process can give)")
print(process)

let filter = try SeccompFilter(compiling: .containerDefault(for: granted))
print("seccomp      \(filter.instructionCount) instructions for \(SeccompArchitecture.ofMachine.count) architectures")

print("")
print(try SecurityPolicy.default.report(for: .current()))
print("")
switch try SecurityModule.running() {
case let modules?: print("modules      \(modules.map(\.description).joined(separator: ", "))")
case nil: print("modules      unknown: /sys/kernel/security/lsm is not there")
}
print("masked       \(MaskedPaths.default.joined(separator: " "))")
print("read-only    \(ReadonlyPaths.default.joined(separator: " "))")
