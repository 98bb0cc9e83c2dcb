package lambdatest_test

import "syscall"

// nosignal asks whether a process is there.
const nosignal = syscall.Signal(0)
