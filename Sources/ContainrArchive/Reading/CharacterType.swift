import Glibc

/// Runs a body with UTF-8 as the calling thread's character type.
///
/// libarchive converts the names of pax headers from UTF-8 to the locale's character set; in the C locale, in which a
/// program starts, every name outside ASCII would be refused. `uselocale(3)` concerns this thread only, so that the
/// embedding program keeps its own locale.
func withUTF8Names<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
  // LC_CTYPE_MASK; C.UTF-8 is built into glibc since 2.35 and comes with Debian's before that.
  guard let locale = newlocale(1 << LC_CTYPE, "C.UTF-8", nil) else { return try body() }
  let previous = uselocale(locale)
  defer {
    uselocale(previous)
    freelocale(locale)
  }
  return try body()
}
