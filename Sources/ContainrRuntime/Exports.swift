@_exported import ContainrCgroups
@_exported import ContainrCore
@_exported import ContainrLaunch
@_exported import ContainrNamespaces
@_exported import ContainrOCI
@_exported import ContainrRootFS
@_exported import ContainrSecurity

@_exported import struct SystemPackage.FilePath
