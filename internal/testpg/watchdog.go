package testpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// oldest is the first PostgreSQL that Countersign supports.
const oldest = 15

// obituary waits for its standard input to close, which the kernel does for a
// process however it dies, then ends the server and removes its files.
const obituary = `
trap '' INT TERM HUP
read -r line
"$1/pg_ctl" stop -w -s -m immediate -D "$2/data"
rm -rf "$2"
`

// watch starts the watchdog. It is a process, because no code of a Go program
// runs after a panic in another goroutine, a test timeout or a kill.
func (c *Cluster) watch() error {
	if err := c.run.give(c.dir); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("open the leash: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", obituary, "testpg", c.bin, c.dir)
	cmd.Stdin, cmd.Dir, cmd.Env = r, "/", []string{"PATH=/usr/bin:/bin"}
	// Its own session: an interrupt meant for the test must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: c.run.drop}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fmt.Errorf("start the watchdog: %w", err)
	}
	c.watchdog, c.leash = cmd, w
	return nil
}

// close ends the cluster the same way as the end of the process would.
func (c *Cluster) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up = false
	if err := c.leash.Close(); err != nil {
		return fmt.Errorf("let go of the leash: %w", err)
	}
	if err := c.watchdog.Wait(); err != nil {
		return fmt.Errorf("end the cluster: %w", err)
	}
	return nil
}

// findBinaries gives the newest installed version's directory of programs.
func findBinaries(root string) (string, error) {
	found, err := filepath.Glob(root + "/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	version := func(initdb string) int {
		v, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
		return v
	}
	found = slices.DeleteFunc(found, func(p string) bool { return version(p) < oldest })
	if len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL %d or later in %s: apt-get install postgresql", oldest, root)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// credential is the user who runs the server; nil means the one who tests.
type credential struct{ drop *syscall.Credential }

// findCredential picks the package's own user when the tests run as root,
// whom PostgreSQL refuses to serve.
func findCredential() (credential, error) {
	if os.Geteuid() != 0 {
		return credential{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return credential{}, fmt.Errorf("find the user to run as: %w: apt-get install postgresql", err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		return credential{}, fmt.Errorf("read the ids of user postgres: %w", err)
	}
	return credential{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// home is where clusters live. Root's own temporary directory may be closed to
// the other user, and a socket's path may have no more than 107 bytes.
func (c credential) home() string {
	if tmp := os.TempDir(); c.drop == nil && len(tmp) < 60 {
		return tmp
	}
	return "/tmp"
}

// give hands paths to the user who runs the server.
func (c credential) give(paths ...string) error {
	if c.drop == nil {
		return nil
	}
	for _, p := range paths {
		if err := os.Chown(p, int(c.drop.Uid), int(c.drop.Gid)); err != nil {
			return fmt.Errorf("hand over: %w", err)
		}
	}
	return nil
}
