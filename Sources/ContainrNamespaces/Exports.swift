// Errors, descriptors, signals and statuses are part of this library's interface, and so are launch plans.
@_exported import ContainrCore
@_exported import ContainrLaunch
