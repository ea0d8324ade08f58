//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
)

// disk looks for room where the database, or its future, lives.
func (v *visit) disk(context.Context) {
	const check = "disk"
	dir := v.conf.DataDir
	if u := v.conf.Database.URL.URL(); u != nil && u.Scheme == "sqlite" {
		dir = filepath.Dir(u.Opaque)
	}
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		v.warn(check, "", "%s cannot be looked at: %v", dir, err)
		return
	}
	free, share := uint64(s.Bavail)*uint64(s.Bsize)>>20, 100*uint64(s.Bavail)/max(uint64(s.Blocks), 1)
	const mend = "make room, or move the data folder (--data, COUNTERSIGN_DATA)"
	switch {
	case free < 100 || s.Files > 0 && s.Ffree < 100:
		v.fail(check, mend, "%d MiB and %d files are free where %s is", free, s.Ffree, dir)
	case free < 1024 || share < 5:
		v.warn(check, mend, "%d MiB (%d %%) are free where %s is", free, share, dir)
	default:
		v.fine(check, "%d MiB (%d %%) are free where %s is", free, share, dir)
	}
}

// descriptors: each connection takes one, each reader of the database some.
func (v *visit) descriptors(context.Context) {
	const check = "open files"
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		v.warn(check, "", "the limit cannot be read: %v", err)
		return
	}
	if limit.Cur < 4096 {
		v.warn(check, "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit", "the limit is %d, so at most that many connections", limit.Cur)
		return
	}
	v.fine(check, "the limit is %d", limit.Cur)
}
