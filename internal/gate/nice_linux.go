package gate

import (
	"time"

	"golang.org/x/sys/unix"
)

// shortSlice is how long the kernel (6.12 and later) lets a working thread run at a time, the shortest allowed. Work
// that offers its processor in between, as internal/argon does, gives up the rest of its slice each time: of a long
// one it would give up so much that beside other busy processes it stood still, and with it the garbage
// collector, which waits for every thread (measured: a second, instead of a few milliseconds).
const shortSlice = 100 * time.Microsecond

// yieldCPU lowers the priority of the calling thread, and only of it. A refusal (an old kernel, a seccomp filter)
// costs the others latency under a flood, not correctness, so it is not an error.
func yieldCPU(nice int) {
	if nice == 0 {
		return
	}
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
		Nice: int32(nice), Runtime: uint64(shortSlice),
	}, 0)
	if err != nil {
		// With a thread's id, PRIO_PROCESS means that thread.
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
	}
}
