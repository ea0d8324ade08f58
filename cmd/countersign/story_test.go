package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // to tamper with a database from outside

	"github.com/countersign-id/countersign/internal/testpg"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": main})
}

// TestStories runs the program as an operator does: one process per command,
// beside real servers on ports of their own.
func TestStories(t *testing.T) {
	stories(t, "testdata")
}

// TestStoriesOnPostgreSQL are those that go differently there.
func TestStoriesOnPostgreSQL(t *testing.T) {
	stories(t, "testdata/postgres", "COUNTERSIGN_DATABASE__URL", testpg.URL(t))
}

func stories(t *testing.T, dir string, env ...string) {
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			public, operations := freePort(t), freePort(t)
			for i, pair := 0, append(env, "PUBLIC", public, "COUNTERSIGN_SERVER__LISTEN", public,
				"OPERATIONS", operations, "COUNTERSIGN_OPERATIONS__LISTEN", operations); i < len(pair); i += 2 {
				e.Setenv(pair[i], pair[i+1])
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "ready": ready, "fetch": fetch, "keep": keep, "signal": signalAll,
			"sql": sqlCommand, "certificate": certificate, "serial": serial, "mailserver": mailserver, "hold": hold, "lock": lock,
		},
	})
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fails STATUS PROGRAM ARGS...: the program must end with that status.
func fails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(ts.Exec(args[1], args[2:]...), &exit) {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// until tries again every 10 ms for as long as it may.
func until(within time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// ready waits for the server, or with ! until it is gone.
func ready(ts *testscript.TestScript, neg bool, _ []string) {
	ts.Check(until(20*time.Second, func() error {
		r, err := http.Get("http://" + ts.Getenv("OPERATIONS") + "/readyz")
		if err == nil {
			r.Body.Close()
		}
		if up := err == nil && r.StatusCode == http.StatusOK; up == neg {
			return errors.New("the server is not as expected")
		}
		return nil
	}))
}

// fetch [-token VARIABLE] [-within TIME] METHOD PATH STATUS [BODY]: the answer, whose
// status begins so, is its output.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	token, within := "", time.Duration(0)
	for strings.HasPrefix(args[0], "-") {
		if args[0] == "-token" {
			token = ts.Getenv(args[1])
		} else {
			d, err := time.ParseDuration(args[1])
			ts.Check(err)
			within = d
		}
		args = args[2:]
	}
	body := ""
	if len(args) > 3 {
		body = ts.ReadFile(args[3])
	}
	ts.Check(until(within, func() error {
		r, err := http.NewRequest(args[0], "http://"+ts.Getenv("PUBLIC")+args[1], strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(answer.Status, args[2]) {
			return errors.New("got " + answer.Status + ": " + string(text))
		}
		_, err = ts.Stdout().Write(text)
		return err
	}))
}

// keep VARIABLE FIELD: takes a field of the JSON that was printed last.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	var v map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	if items, ok := v["items"].([]any); ok {
		v = items[0].(map[string]any)
	}
	text, ok := v[args[1]].(string)
	if !ok {
		ts.Fatalf("no text %q in %v", args[1], v)
	}
	ts.Setenv(args[0], text)
}

// signal NAME: to everything in the background.
func signalAll(ts *testscript.TestScript, _ bool, args []string) {
	s := map[string]os.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": os.Interrupt}[args[0]]
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(s))
	}
}

// sql FILE STATEMENT changes a database behind the program's back.
func sqlCommand(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	r, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("the statement changed %d rows, %v", n, err)
	}
}

// certificate NAME HOST DAYS writes NAME.crt and NAME.key; days may be negative.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	days, err := strconv.Atoi(args[2])
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	end := time.Now().AddDate(0, 0, days).Add(time.Hour)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{args[1]}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for ext, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		var b bytes.Buffer
		ts.Check(pem.Encode(&b, block))
		ts.Check(os.WriteFile(filepath.Clean(ts.MkAbs(args[0]+ext)), b.Bytes(), 0o600))
	}
}

// lock FILE keeps every other process from writing, until "unlock".
func lock(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0])+"?_txlock=exclusive")
	ts.Check(err)
	tx, err := db.Begin()
	ts.Check(err)
	end := sync.OnceValue(func() error { return errors.Join(tx.Rollback(), db.Close()) })
	ts.Defer(func() { _ = end() })
	ts.SetCmd("unlock", func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(end()) })
}
