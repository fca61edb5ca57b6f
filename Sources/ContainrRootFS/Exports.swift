// A program that imports ContainrRootFS alone can write the types of its interface.
@_exported import ContainrArchive
@_exported import ContainrCore
@_exported import ContainrLaunch

@_exported import struct SystemPackage.FilePath
