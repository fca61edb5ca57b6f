/// The documents of the Open Container Initiative as values: image-spec here, runtime-spec beside it.
///
/// The namespace keeps the specifications' short names free for Containr's own types.
public enum OCI {}
