// Prints what the kernel would be asked to do for a container's file tree. It does none of it, and needs no privilege.

import ContainrRootFS

var root = RootFS(.overlay(OverlayRoot(layers: ["/srv/base", "/srv/application"], writableLayer: .none)))
root.mounts.append(.bind(from: "/srv/data", to: try RootedPath("/data"), readOnly: true))
root.mounts.append(.tmpfs(at: try RootedPath("/tmp"), size: .mebibytes(16)))
root.isReadOnly = true

var plan = LaunchPlan()
let slots = try plan.append(rootFS: root, context: RootFSContext())
plan.appendChangeOfRoot(root, slots: slots)
print(plan)
