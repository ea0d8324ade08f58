package argon

import "golang.org/x/sys/unix"

// giveWay lets the kernel run something else on this processor that wants to run. Without being asked it looks at its
// next tick, which may be 4 ms later, whatever the priority of the thread that woke up meanwhile: ten times what a
// request takes that is not a sign-in. The Go scheduler need not know: the thread keeps its P.
func giveWay() {
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // it always succeeds
}
