package argon

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const blockBytes = int(unsafe.Sizeof(block{}))

// pages returns memory for n blocks from the system rather than from the Go heap. There it would double: the
// collector lets a heap grow by as much as is in use, and arenas are most of that. Huge pages spare the
// processor a look-up for nearly every block, for Argon2id jumps about in its memory.
func pages(n int) []block {
	b, err := unix.Mmap(-1, 0, n*blockBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]block, n)
	}
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // where the kernel has none, small ones do
	return unsafe.Slice((*block)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// unpage gives memory of pages back. What came from the Go heap is not a mapping of its own and stays to the collector.
func unpage(arena []block) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(arena))), cap(arena)*blockBytes)
	_ = unix.Munmap(b[:len(b):len(b)])
}
