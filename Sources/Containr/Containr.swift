// The umbrella: every library of the package behind one import.
@_exported import ContainrImage
@_exported import ContainrOCI
@_exported import ContainrRuntime
