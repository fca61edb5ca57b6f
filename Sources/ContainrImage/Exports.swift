// A program that imports ContainrImage alone can write the types of its interface.
@_exported import ContainrArchive
@_exported import ContainrCore
@_exported import ContainrOCI

@_exported import struct SystemPackage.FilePath
