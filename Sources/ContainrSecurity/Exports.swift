// A program that imports ContainrSecurity alone can write the types of its interface.
@_exported import ContainrCore
@_exported import ContainrLaunch
@_exported import ContainrOCI

@_exported import struct SystemPackage.FilePath
