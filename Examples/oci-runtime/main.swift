// containr-oci: the commands of an OCI runtime, as runc and crun have them, over ContainrRuntime.
//
// A synchronous main: an asynchronous one costs a statically linked process 8 ms at its exit.

import ContainrRuntime
import Glibc

signal(SIGPIPE, SIG_IGN)
exit(Invocation(Array(CommandLine.arguments.dropFirst())).run())
