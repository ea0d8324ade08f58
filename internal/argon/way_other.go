//go:build !linux

package argon

import "runtime"

// giveWay lets other goroutines run. What the kernel makes of it elsewhere is not known to us.
func giveWay() { runtime.Gosched() }
