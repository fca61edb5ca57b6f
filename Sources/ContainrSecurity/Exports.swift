// A program that imports ContainrSecurity alone can write the types of its interface.
@_exported import ContainrCore

@_exported import struct SystemPackage.FilePath
