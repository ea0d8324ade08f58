package limit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	var err error
	switch { // we are somebody's child
	case len(os.Args) == 2 && os.Args[1] == "limit":
		err = Serve(context.Background(), os.Stdin, os.Stdout)
	case len(os.Args) == 3 && os.Args[1] == "bare":
		err = RunBare(context.Background(), os.Args[2], os.Stdin, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func TestTheBareServerAnswersTheGivenBytesAndEndsWithUs(t *testing.T) {
	const body = `{"identity":{}}`
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := StartBare(self(t), file)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get("http://" + b.Addr.String() + "/v1/session")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || string(got) != body || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%q %v %v", got, res.Header, err)
	}
	if err := b.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if res, err := http.Get("http://" + b.Addr.String()); err == nil {
		res.Body.Close()
		t.Error("it still answers")
	}
}

func TestABareServerWithoutAnAnswerDoesNotStart(t *testing.T) {
	if b, err := StartBare(self(t), "/nowhere"); err == nil {
		t.Errorf("it serves on %v: stop: %v", b.Addr, b.Stop())
	}
}

func TestEveryLimitIsMeasuredInAChild(t *testing.T) {
	for _, kind := range []string{"argon2id", "commit group", "commit single"} {
		w, err := Spawn(t.Context(), self(t), Order{
			Kind: kind, For: 100 * time.Millisecond, Hash: Hash{MemoryKiB: 64, Passes: 1, Lanes: 1}, Callers: 8, Dir: t.TempDir(),
		})
		if err != nil || w.Done < 2 || w.Seconds < 0.05 || w.Seconds > 10 {
			t.Errorf("%s: %+v %v", kind, w, err)
		}
	}
	if _, err := (Order{Kind: "luck", Dir: t.TempDir()}).measure(t.Context()); err == nil {
		t.Error("an unknown limit was measured")
	}
}

func TestAGroupCommitsEveryRowItCounts(t *testing.T) {
	c, err := OpenCommits(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	group, err := c.Group(t.Context(), 16, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	single, err := c.Single(t.Context(), 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := c.conn.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != group.Done+single.Done || group.Done < 16 {
		t.Errorf("%d rows, counted %d together and %d one by one", rows, group.Done, single.Done)
	}
	var mode string
	var synchronous int
	if err := c.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	if err := c.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous); err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || synchronous != 2 {
		t.Errorf("journal %s, synchronous %d: that is another limit", mode, synchronous)
	}
}

func TestADatabaseThatFailsIsNotALimit(t *testing.T) {
	c, err := OpenCommits(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.ExecContext(t.Context(), "DROP TABLE sessions"); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if w, err := c.Group(t.Context(), 4, time.Minute); err == nil {
		t.Errorf("%+v", w)
	}
	if w, err := c.Single(t.Context(), time.Minute); err == nil {
		t.Errorf("%+v", w)
	}
}
