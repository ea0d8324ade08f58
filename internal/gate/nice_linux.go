package gate

import (
	"time"

	"golang.org/x/sys/unix"
)

// longSlice is how long the kernel (6.12 and later) may leave a working thread on a processor when nothing else wants
// it. A thread with a long slice has a late deadline, so a handler that wakes up goes first. It is the longest allowed.
const longSlice = 100 * time.Millisecond

// yieldCPU lowers the priority of the calling thread, and only of it. A refusal (an old kernel, a seccomp filter)
// costs the others latency under a flood, not correctness, so it is not an error.
func yieldCPU(nice int) {
	if nice == 0 {
		return
	}
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
		Nice: int32(nice), Runtime: uint64(longSlice),
	}, 0)
	if err != nil {
		// With a thread's id, PRIO_PROCESS means that thread.
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
	}
}
