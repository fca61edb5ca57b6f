// Errors, sizes and ids are part of this library's interface: a program that imports it alone has them.
@_exported import ContainrCore

@_exported import struct SystemPackage.FilePath
