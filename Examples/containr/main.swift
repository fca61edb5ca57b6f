// The command line over the library. `main` is synchronous and serves the event loop itself: one thread, no thread pool.
import ArgumentParser
import Containr
import Glibc

signal(SIGPIPE, SIG_IGN)
exit(CommandLineTool.run(Array(CommandLine.arguments.dropFirst())))
