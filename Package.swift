// swift-tools-version: 6.1
// The toolchain version on the line above is the minimum: CI builds with it or newer.

import PackageDescription

/// System libraries that a fully static executable must name itself, because
/// static archives carry no list of what they need.
let staticLibraries: LinkerSetting = .unsafeFlags(
  [
    "-static-executable", "-Xlinker", "--start-group",
    "-lFoundationEssentials", "-l_FoundationCollections", "-l_FoundationCShims",
    "-larchive", "-lnettle", "-lseccomp", "-lcap", "-lacl", "-lz", "-lzstd", "-lbz2", "-llzma", "-llz4",
    "-Xlinker", "--end-group",
  ], .when(configuration: .release))

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// The version that `containr version` prints and a release's tag carries.
let version = "0.1.0"

/// What the one C target that knows the build is compiled with. `make` passes the commit on. `Context.gitInformation`
/// would not need it, but SwiftPM caches what this file says by its text: after another commit it would name the old one.
let buildInformation: [CSetting] = {
  func text(_ variable: String) -> String { "\"\(Context.environment[variable] ?? "")\"" }
  return [
    .define("CONTAINR_VERSION", to: "\"\(version)\""),
    .define("CONTAINR_COMMIT", to: text("CONTAINR_COMMIT")),
    .define("CONTAINR_HAS_LOCAL_CHANGES", to: Context.environment["CONTAINR_LOCAL_CHANGES"] == "1" ? "1" : "0"),
    .define("CONTAINR_BUILD_DATE", to: text("CONTAINR_BUILD_DATE")),
    .define("CONTAINR_SWIFT_VERSION", to: text("CONTAINR_SWIFT_VERSION")),
  ]
}()

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// A library target of ours; `on` lists what it imports.
func library(_ name: String, on dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// An example that imports exactly one library product, which proves that the product stands alone.
func example(_ name: String, of library: String) -> Target {
  .executableTarget(
    name: name, dependencies: [.byName(name: library)], path: "Examples/\(name)", swiftSettings: settings)
}

func tests(_ name: String, on dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["ContainrTestSupport", system], swiftSettings: settings)
}

let package = Package(
  name: "containr",
  products: [
    .library(name: "ContainrNamespaces", targets: ["ContainrNamespaces"]),
    .library(name: "ContainrCgroups", targets: ["ContainrCgroups"]),
    .library(name: "ContainrRootFS", targets: ["ContainrRootFS"]),
    .library(name: "ContainrSecurity", targets: ["ContainrSecurity"]),
    .library(name: "ContainrImage", targets: ["ContainrImage"]),
    .library(name: "ContainrRuntime", targets: ["ContainrRuntime"]),
    .library(name: "Containr", targets: ["Containr"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    // Floor 0
    .target(name: "CContainrLinux"),
    .target(name: "CContainrInit"),
    .target(name: "CContainrVersion", cSettings: buildInformation),
    .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "CCap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
    .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CNettle", providers: [.apt(["nettle-dev"])]),
    library("ContainrCore", on: ["CContainrLinux", "CContainrVersion", "CNettle", system, logging]),
    library("ContainrOCI", on: ["ContainrCore"]),
    library("ContainrLaunch", on: ["ContainrCore", "CContainrInit", "CContainrLinux", system]),
    library("ContainrArchive", on: ["ContainrCore", "CContainrLinux", "CArchive", system]),
    // Floor 1
    library("ContainrNamespaces", on: ["ContainrCore", "ContainrLaunch", "CContainrLinux", system]),
    library("ContainrCgroups", on: ["ContainrCore", "ContainrLaunch", "CContainrLinux", system]),
    library(
      "ContainrRootFS", on: ["ContainrArchive", "ContainrCore", "ContainrLaunch", "ContainrOCI", "CContainrLinux", system]),
    library(
      "ContainrSecurity",
      on: ["ContainrCore", "ContainrOCI", "ContainrLaunch", "CContainrLinux", "CSeccomp", "CCap", system]),
    library("ContainrImage", on: ["ContainrArchive", "ContainrCore", "ContainrOCI", "CContainrLinux", "CArchive", system]),
    // Floor 2
    library(
      "ContainrRuntime",
      on: [
        "ContainrCore", "ContainrOCI", "ContainrLaunch", "ContainrNamespaces", "ContainrCgroups", "ContainrRootFS",
        "ContainrSecurity", "CContainrLinux", system, logging,
      ]),
    // Floor 3
    library(
      "Containr",
      on: [
        "ContainrCore", "ContainrOCI", "ContainrLaunch", "ContainrNamespaces", "ContainrCgroups", "ContainrRootFS",
        "ContainrSecurity", "ContainrImage", "ContainrRuntime", system, logging,
      ]),
    // Examples, each of which imports one product
    example("security-report", of: "ContainrSecurity"),
    example("cgroup-limits", of: "ContainrCgroups"),
    example("namespace-shell", of: "ContainrNamespaces"),
    .executableTarget(
      name: "tutorial-resources", dependencies: ["ContainrCgroups"], path: "Examples/tutorials/02-resources",
      exclude: ["README.md"], swiftSettings: settings),
    .executableTarget(
      name: "tutorial-filesystem", dependencies: ["ContainrRootFS"], path: "Examples/tutorials/03-filesystem",
      exclude: ["README.md"], swiftSettings: settings),
    .executableTarget(
      name: "containr", dependencies: ["Containr", "ContainrCore", "CContainrLinux", argumentParser, system, logging],
      path: "Examples/containr", swiftSettings: settings, linkerSettings: [staticLibraries]),
    // Benchmarks
    .executableTarget(
      name: "containr-embed", dependencies: ["Containr", "ContainrCore"], path: "Benchmarks/containr-embed",
      swiftSettings: settings, linkerSettings: [staticLibraries]),
    .executableTarget(
      name: "containr-bench", dependencies: ["ContainrCgroups", "ContainrRootFS", "CContainrLinux", argumentParser, system],
      path: "Benchmarks/containr-bench", swiftSettings: settings),
    // Examples
    example("image-unpack", of: "ContainrImage"),
    example("rootfs-plan", of: "ContainrRootFS"),
    example("run-container", of: "ContainrRuntime"),
    example("limited-container", of: "Containr"),
    example("import-and-run", of: "Containr"),
    // Tests
    .target(
      name: "ContainrTestSupport", dependencies: ["ContainrCore", "ContainrLaunch", "CContainrLinux", system],
      path: "Tests/ContainrTestSupport", swiftSettings: settings),
    tests("ContainrCoreTests", on: ["ContainrCore"]),
    tests("ContainrOCITests", on: ["ContainrCore", "ContainrOCI"]),
    tests("ContainrArchiveTests", on: ["ContainrArchive", "ContainrCore", "CContainrLinux"]),
    tests("ContainrLaunchTests", on: ["ContainrCore", "ContainrLaunch", "CContainrInit", "CContainrLinux"]),
    tests(
      "ContainrNamespacesTests",
      on: ["ContainrCore", "ContainrLaunch", "ContainrNamespaces", "CContainrLinux", "namespace-shell"]),
    tests(
      "ContainrCgroupsTests",
      on: ["ContainrCore", "ContainrLaunch", "ContainrCgroups", "CContainrLinux", "tutorial-resources"]),
    .executableTarget(
      name: "snapshot-worker", dependencies: ["ContainrRootFS", system], path: "Tests/Support/snapshot-worker",
      swiftSettings: settings),
    tests(
      "ContainrRootFSTests",
      on: [
        "ContainrCore", "ContainrLaunch", "ContainrRootFS", "CContainrLinux", "snapshot-worker", "tutorial-filesystem",
      ]),
    tests(
      "ContainrSecurityTests",
      on: ["ContainrCore", "ContainrOCI", "ContainrLaunch", "ContainrSecurity", "CContainrLinux", "CSeccomp"]),
    tests("ContainrImageTests", on: ["ContainrCore", "ContainrOCI", "ContainrImage", "CContainrLinux"]),
    .executableTarget(
      name: "container-owner", dependencies: ["ContainrRuntime", system], path: "Tests/Support/container-owner",
      swiftSettings: settings),
    tests("ContainrRuntimeTests", on: ["ContainrRuntime", "ContainrImage", "CContainrLinux", "container-owner"]),
    tests("AcceptanceTests", on: ["ContainrCore", "ContainrImage", "ContainrLaunch", "CContainrLinux", "containr"]),
  ],
  swiftLanguageModes: [.v6]
)
