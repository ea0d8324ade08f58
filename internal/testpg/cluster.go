package testpg

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

const superuser = "postgres"

// Cluster is one PostgreSQL server with its data. Its methods may be called
// from several goroutines; Stop, Crash and Start wait for each other.
type Cluster struct {
	bin      string // directory of initdb and pg_ctl
	dir      string // everything of this cluster; the data is in dir/data
	password string // of the superuser and of every role; letters and digits
	port     int
	run      credential

	watchdog *exec.Cmd
	leash    *os.File // held open: the watchdog acts when it closes

	mu sync.Mutex
	up bool
}

// Stop ends the server as an operator would: connections are cut, work in
// progress is rolled back, everything acknowledged is on disk. Stopping a
// stopped cluster is an error of the test.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.halt(t, "fast")
}

// Crash ends the server at once, without a checkpoint; the next Start recovers
// from its log. It is what a killed machine leaves behind, save for what the
// operating system had not written yet.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	c.halt(t, "immediate")
}

// Start starts a stopped server again, at the same address and with its data,
// and returns when it answers.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		t.Fatal("testpg: start: the cluster is running")
	}
	if err := c.launch(); err != nil {
		t.Fatalf("testpg: %v", err)
	}
}

func (c *Cluster) halt(t testing.TB, mode string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up {
		t.Fatal("testpg: stop: the cluster is not running")
	}
	if err := c.command("pg_ctl", "stop", "-w", "-s", "-m", mode, "-D", c.data()); err != nil {
		t.Fatalf("testpg: %v", err)
	}
	c.up = false
}

func (c *Cluster) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// start makes a cluster and runs it. On an error nothing stays behind.
func start(o Options) (c *Cluster, err error) {
	bin, err := findBinaries("/usr/lib/postgresql")
	if err != nil {
		return nil, err
	}
	who, err := findCredential()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(who.home(), "testpg")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	c = &Cluster{bin: bin, dir: dir, password: rand.Text(), run: who}
	if err := c.watch(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := c.create(o); err != nil {
		return nil, err
	}
	return c, c.launchSomewhere()
}

// create runs initdb and writes the few settings that differ from the default.
func (c *Cluster) create(o Options) error {
	secret := filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	if err := c.run.give(c.dir, secret); err != nil {
		return err
	}
	// --no-sync concerns this command only: the server itself syncs as told below.
	err := c.command("initdb", "--no-sync", "--no-instructions", "-D", c.data(), "-U", superuser,
		"--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8")
	if err != nil {
		return err
	}
	if err := os.Remove(secret); err != nil {
		return fmt.Errorf("remove the password file: %w", err)
	}
	conf := fmt.Sprintf("listen_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n"+
		"max_connections = 200\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n", c.dir)
	if o.Fast {
		conf += "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
	}
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the settings: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteString(conf); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// launchSomewhere starts the server on a free port. A port that was free a
// moment ago can be taken, so it tries more than one.
func (c *Cluster) launchSomewhere() error {
	var last error
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		c.port = l.Addr().(*net.TCPAddr).Port
		l.Close()
		if last = c.launch(); last == nil {
			return nil
		}
	}
	return last
}

// launch starts the server on c.port and waits until it accepts connections.
func (c *Cluster) launch() error {
	log := filepath.Join(c.dir, "log")
	err := c.command("pg_ctl", "start", "-w", "-s", "-t", "120", "-D", c.data(), "-l", log,
		"-o", fmt.Sprintf("-p %d", c.port))
	if err != nil {
		lines, _ := os.ReadFile(log)
		return fmt.Errorf("%w; the server says: %s", err, lines)
	}
	c.up = true
	return nil
}

// command runs one of PostgreSQL's programs as the user that owns the data.
func (c *Cluster) command(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	// A directory that user can enter, and no PG* variable of the caller.
	cmd.Dir, cmd.Env = c.dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.run.drop}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
