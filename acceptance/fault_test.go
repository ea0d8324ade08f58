package acceptance

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"github.com/countersign-id/countersign/internal/testpg"
)

// fault is one way in which storage fails and heals.
type fault struct {
	name   string
	begin  func(t *testing.T, n *node)
	end    func(t *testing.T, n *node)
	unseen bool // /readyz only reads, so it cannot know
}

func database(n *node) string { return filepath.Join(n.data, "countersign.db") }

// mustExec runs statements on the node's SQLite file from outside.
func outside(t *testing.T, n *node) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database(n)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func statement(t *testing.T, conn *sql.Conn, text string) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestALockedDatabase(t *testing.T) {
	t.Parallel()
	var other *sql.Conn
	survive(t, serve(t), fault{name: "another process writes and does not end", unseen: true,
		begin: func(t *testing.T, n *node) { other = outside(t, n); statement(t, other, "BEGIN EXCLUSIVE") },
		end:   func(t *testing.T, n *node) { statement(t, other, "ROLLBACK") }})
}

// limitFiles sets how large a file of the process may grow: with 0, every write fails.
func limitFiles(t *testing.T, n *node, most uint64) {
	t.Helper()
	const fsize = 1 // RLIMIT_FSIZE
	limit := struct{ soft, hard uint64 }{most, ^uint64(0)}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(n.cmd.Process.Pid), fsize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); e != 0 {
		t.Fatal(e)
	}
}

func TestEveryWriteFails(t *testing.T) {
	t.Parallel()
	survive(t, serve(t, "log.format=json"), fault{name: "I/O error at each write", unseen: true,
		begin: func(t *testing.T, n *node) { limitFiles(t, n, 0) },
		end:   func(t *testing.T, n *node) { limitFiles(t, n, ^uint64(0)) }})
}

// TestWritesAreCutShort lets the log of writes grow by less than a page: half a
// page is written, then nothing.
func TestWritesAreCutShort(t *testing.T) {
	t.Parallel()
	survive(t, serve(t), fault{name: "writes cut short", unseen: true,
		begin: func(t *testing.T, n *node) {
			info, err := os.Stat(database(n) + "-wal")
			if err != nil {
				t.Fatal(err)
			}
			limitFiles(t, n, uint64(info.Size())+2000)
		},
		end: func(t *testing.T, n *node) { limitFiles(t, n, ^uint64(0)) }})
}

// TestAFullDisk fills a small disk of its own. Only root can mount one; for others
// the two tests above stand for it, which say the same to the database.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Logf("no small disk, not root: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	survive(t, serveIn(t, dir), fault{name: "disk full", unseen: true,
		begin: func(t *testing.T, n *node) {
			f, err := os.Create(ballast)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for block := make([]byte, 4096); err == nil; {
				_, err = f.Write(block)
			}
		},
		end: func(t *testing.T, n *node) {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}})
}

func TestARemovedFile(t *testing.T) {
	t.Parallel()
	n := serve(t)
	away := t.TempDir()
	move := func(from, to string) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(filepath.Join(from, "countersign.db"+suffix), filepath.Join(to, "countersign.db"+suffix)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	survive(t, n, fault{name: "file moved away",
		begin: func(t *testing.T, n *node) { move(n.data, away) },
		end: func(t *testing.T, n *node) {
			for _, suffix := range []string{"", "-wal", "-shm"} { // what the server may have begun anew
				os.Remove(filepath.Join(n.data, "countersign.db"+suffix))
			}
			move(away, n.data)
		}})
}

func TestAStoppedPostgreSQL(t *testing.T) {
	t.Parallel()
	c := testpg.New(t, testpg.Options{})
	url := c.URL(t)
	start := func(t *testing.T, n *node) { c.Start(t) }
	n := serve(t, "database.url="+url)
	survive(t, n, fault{name: "stopped", begin: func(t *testing.T, n *node) { c.Stop(t) }, end: start})
	survive(t, n, fault{name: "crashed", begin: func(t *testing.T, n *node) { c.Crash(t) }, end: start})
}

// TestPostgreSQLReadOnly makes the server's own role read-only for new transactions, as a failover does.
func TestPostgreSQLReadOnly(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	set := func(t *testing.T, to string) {
		for _, text := range []string{
			"DO $$ BEGIN EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = " + to + "', current_user); END $$",
			"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()",
		} {
			if _, err := db.Exec("SET default_transaction_read_only = off"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	survive(t, serve(t, "database.url="+url), fault{name: "read-only", unseen: true,
		begin: func(t *testing.T, n *node) { set(t, "on") },
		end:   func(t *testing.T, n *node) { set(t, "off") }})
}

// TestCutConnections ends every connection again and again under work. A client
// that retries once sees nothing of it.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	url := testpg.URL(t)
	n := serve(t, "database.url="+url)
	token := n.signUp("ada@example.com")
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			db.Exec("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()")
			within(100*time.Millisecond, func() bool { return false })
		}
	}()
	twice := func(what string, do func() answer) bool {
		a := do()
		if !a.ok() {
			if a.status != 503 {
				t.Errorf("%s while connections are cut: %s", what, a)
			}
			a = do()
		}
		if !a.ok() && a.status != 503 {
			t.Errorf("%s, tried again: %s", what, a)
		}
		return a.ok()
	}
	good := atOnce(400, 4, func(i int) bool {
		if i%2 == 0 {
			return twice("check", func() answer { return n.call("GET", "/v1/session", token, nil) })
		}
		return twice("sign-in", func() answer { return n.signIn("ada@example.com", goodPassword) })
	})
	<-done
	if good < 390 {
		t.Errorf("%d of 400 succeeded for a client that retries once", good)
	}
	n.sound()
}

// survive shows that a fault lets nobody in, promises nothing that is not kept,
// says 503, and that all is well when it ends, without a restart.
func survive(t *testing.T, n *node, f fault) {
	t.Helper()
	who := strconv.FormatInt(time.Now().UnixNano(), 36) + "@example.com"
	token := n.signUp(who)
	open := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": who, "issue": "session_token"}).get("id")
	if a := n.call("PATCH", "/v1/account", token, object{"name": "Before"}); a.status != 200 {
		t.Fatal(a)
	}
	f.begin(t, n)
	var all sync.WaitGroup
	for name, ask := range asks(n, who, token, open) {
		all.Go(func() { refused(t, f.name+": "+name, ask) })
	}
	all.Wait()
	if a := n.call("GET", "/v1/session", unknownToken, nil); a.status != 401 && a.status != 503 {
		t.Errorf("%s: an unknown token: %s", f.name, a)
	}
	if a := n.call("GET", "/v1/session", token, nil); a.status != 503 && a.status != 200 {
		t.Errorf("%s: the session: %s", f.name, a)
	}
	if !f.unseen && !within(5*time.Second, func() bool { return n.operations("/readyz") == 503 }) {
		t.Errorf("%s: /readyz does not know: %d", f.name, n.operations("/readyz"))
	}
	if n.operations("/healthz") != 200 {
		t.Errorf("%s: /healthz", f.name)
	}
	f.end(t, n)
	healed(t, n, f, who, token)
}

// healed shows that all is well without a restart, and that nothing happened that was refused.
func healed(t *testing.T, n *node, f fault, who, token string) {
	t.Helper()
	if !within(15*time.Second, func() bool { return n.ready() && n.signIn(who, goodPassword).ok() }) {
		t.Fatalf("%s: no recovery without a restart: %s", f.name, n.signIn(who, goodPassword))
	}
	if !within(5*time.Second, func() bool { return n.alive(token) }) {
		t.Errorf("%s: the session is gone", f.name)
	}
	if name := n.call("GET", "/v1/account", token, nil).get("name"); name != "Before" {
		t.Errorf("%s: the name is %q: a change that was refused was made", f.name, name)
	}
	after := n.call("PATCH", "/v1/account", token, object{"name": "After"})
	if after.status != 200 {
		t.Errorf("%s: afterwards: %s", f.name, after)
	}
	n.sound()
}

// unknownToken has the form of a session token and opens nothing.
const unknownToken = "cs_ses_0000000000000000000000000000000000000000000000"

// refused fails unless the ask gets a 503 that says when to come back, in time.
func refused(t *testing.T, what string, ask func() answer) {
	began := time.Now()
	a := ask()
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%s: %s, Retry-After %q", what, a, a.header.Get("Retry-After"))
	}
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

// asks are what must be refused while nothing can be written.
func asks(n *node, who, token, open string) map[string]func() answer {
	return map[string]func() answer{
		"sign-in":       func() answer { return n.signIn(who, goodPassword) },
		"wrong sign-in": func() answer { return n.signIn(who, "not the password at all") },
		"evidence":      func() answer { return n.evidence(open, passwordOf(goodPassword)) },
		"profile":       func() answer { return n.call("PATCH", "/v1/account", token, object{"name": "During"}) },
		"sign-up": func() answer {
			return n.call("POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": "x" + who, "evidence": passwordOf(goodPassword)})
		},
		"recovery": func() answer {
			return n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": who})
		},
		"sign-out":     func() answer { return n.call("DELETE", "/v1/session", token, nil) },
		"end others":   func() answer { return n.call("DELETE", "/v1/sessions", token, nil) },
		"page sign-in": func() answer { return n.browser().signIn(who, goodPassword) },
	}
}
