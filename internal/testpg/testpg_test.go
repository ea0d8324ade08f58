package testpg

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	for range 2 { // on a machine that is short of everything a backend may fail to start
		if err != nil {
			conn, err = pgx.Connect(t.Context(), url)
		}
	}
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func ask[T any](t *testing.T, conn *pgx.Conn, query string) (answer T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func TestEachURLIsADatabaseOfItsOwnAndEmpty(t *testing.T) {
	one, two := connect(t, URL(t)), connect(t, URL(t))
	do(t, one, "CREATE TABLE things (id int)")
	const tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	if got := [2]int{ask[int](t, one, tables), ask[int](t, two, tables)}; got != [2]int{1, 0} {
		t.Errorf("tables in the first and second database: %v, want [1 0]", got)
	}
}

func TestTheRoleOwnsItsDatabaseAndNothingElse(t *testing.T) {
	conn := connect(t, URL(t))
	got := map[string]string{}
	for _, q := range []string{"is_superuser", "server_encoding", "fsync", "TimeZone"} {
		got[q] = ask[string](t, conn, "SELECT current_setting('"+q+"')")
	}
	want := map[string]string{"is_superuser": "off", "server_encoding": "UTF8", "fsync": "on", "TimeZone": "UTC"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := conn.Exec(t.Context(), "CREATE ROLE stranger"); err == nil {
		t.Error("the role of a test database may create roles")
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	url := URL(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "guess"
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		conn.Close(t.Context())
		t.Error("the cluster let a wrong password in")
	}
}

func TestADatabaseIsDroppedWithItsTest(t *testing.T) {
	var url string
	t.Run("inner", func(t *testing.T) {
		url = URL(t)
		// Left open on purpose: an open connection must not keep the database.
		if _, err := pgx.Connect(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(t.Context())
		t.Error("the database outlived its test")
	}
}

func TestDataOutlivesARestartAndACrash(t *testing.T) {
	c := New(t, Options{})
	url := c.URL(t)
	conn := connect(t, url)
	do(t, conn, "CREATE TABLE things (id int)")

	c.Stop(t)
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(t.Context())
		t.Fatal("a stopped cluster answers")
	}
	c.Start(t)
	conn = connect(t, url)
	do(t, conn, "INSERT INTO things VALUES (1)")

	c.Crash(t)
	c.Start(t)
	if n := ask[int](t, connect(t, url), "SELECT count(*) FROM things"); n != 1 {
		t.Errorf("%d rows after a crash, want the 1 that was acknowledged", n)
	}
}

func TestAFastClusterDoesNotSync(t *testing.T) {
	conn := connect(t, New(t, Options{Fast: true}).URL(t))
	if got := ask[string](t, conn, "SELECT current_setting('fsync')"); got != "off" {
		t.Errorf("fsync = %s, want off", got)
	}
}

func TestAStoppedClusterLeavesNothingBehind(t *testing.T) {
	var dir string
	t.Run("inner", func(t *testing.T) {
		c := New(t, Options{Fast: true})
		c.URL(t)
		c.Stop(t)
		dir = c.dir
	})
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want it gone", filepath.Base(dir), err)
	}
}

// victim is the environment variable that turns a copy of this test binary
// into a process that starts a cluster and is killed.
const victim = "TESTPG_VICTIM"

func TestAKilledProcessTakesItsClusterWithIt(t *testing.T) {
	if os.Getenv(victim) != "" {
		c := New(t, Options{Fast: true})
		os.Stdout.WriteString("\ndir " + c.dir + "\nurl " + c.URL(t) + "\nready\n")
		<-make(chan struct{})
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAKilledProcessTakesItsClusterWithIt$")
	cmd.Env = append(os.Environ(), victim+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir, url := readVictim(t, out)
	conn := connect(t, url)

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	// Blocks until the server hangs up, which is the watchdog's first act.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
		t.Fatalf("the server outlived its process: %v", err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the files of a killed process are still there")
		}
	}
}

// readVictim reads what the other process says until it is ready.
func readVictim(t *testing.T, out io.Reader) (dir, url string) {
	t.Helper()
	var said strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(said.String(), "\nready\n") {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatalf("the victim died early: %v", err)
		}
		said.Write(buf[:n])
	}
	for line := range strings.Lines(said.String()) {
		if d, ok := strings.CutPrefix(line, "dir "); ok {
			dir = strings.TrimSpace(d)
		}
		if u, ok := strings.CutPrefix(line, "url "); ok {
			url = strings.TrimSpace(u)
		}
	}
	return dir, url
}

func TestFindBinaries(t *testing.T) {
	install := func(versions ...string) string {
		root := t.TempDir()
		for _, v := range versions {
			bin := filepath.Join(root, v, "bin")
			if err := os.MkdirAll(bin, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		return root
	}
	t.Run("picks the newest by number, not by spelling", func(t *testing.T) {
		root := install("9", "15", "100")
		got, err := findBinaries(root)
		if want := filepath.Join(root, "100", "bin"); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	})
	t.Run("refuses a server that is too old, and says what to install", func(t *testing.T) {
		_, err := findBinaries(install("14"))
		if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
			t.Errorf("got %v", err)
		}
	})
}
