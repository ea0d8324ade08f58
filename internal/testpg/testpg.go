// Package testpg gives tests a real PostgreSQL that they may break.
//
// It owns throw-away clusters: each is made by initdb in a directory of its
// own, listens on a free loopback port and on a Unix socket nobody else can
// reach, and is gone when the test binary is, however that ends. It does not
// own schemas or migrations: a database from here is empty.
//
// The server is the machine's own package (PostgreSQL 15 or later). A machine
// without one makes the test fail, never skip: a suite that quietly tests one
// database out of two is worse than none.
package testpg

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds every single step (initdb, start, stop, a statement). It is
// long because a loaded two-core machine runs several clusters at once.
const patience = 2 * time.Minute

// shared is the cluster behind URL: starting one costs about two seconds, so
// the tests of a binary have one together and each get a database. It is never
// closed here; its watchdog ends it when the process does.
var shared = sync.OnceValues(func() (*Cluster, error) { return start(Options{}) })

// Options are what a test may want to be different. The zero value is a server
// as durable as one in production.
type Options struct {
	// Fast turns fsync and full page writes off. Nothing may then be concluded
	// about what survives a crash.
	Fast bool
}

// URL gives the address of a new, empty database on the cluster that the tests
// of this binary share, and drops it when t ends. Its role owns the database
// and is no superuser, as an operator would set it up.
func URL(t testing.TB) string {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	return c.URL(t)
}

// New starts a cluster for t alone, for a test that stops or crashes it. It
// ends with t.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := start(o)
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Errorf("testpg: %v", err)
		}
	})
	return c
}

// URL gives the address of a new, empty database on this cluster. It is
// dropped when t ends, with whatever connections are still open; should the
// cluster be stopped by then, it is left to the end of the cluster.
func (c *Cluster) URL(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:16])
	// A database needs its role first, and neither statement takes parameters;
	// name and password are ours, of letters and digits only.
	err := c.execute(
		"CREATE ROLE "+name+" LOGIN PASSWORD '"+c.password+"'",
		"CREATE DATABASE "+name+" OWNER "+name)
	if err != nil {
		t.Fatalf("testpg: new database: %v", err)
	}
	t.Cleanup(func() {
		if !c.running() {
			return
		}
		err := c.execute("DROP DATABASE "+name+" WITH (FORCE)", "DROP ROLE "+name)
		if err != nil {
			t.Errorf("testpg: drop database: %v", err)
		}
	})
	return c.address(name, name)
}

// address is the URL of a database over loopback TCP, which every client reads
// alike; the socket is there for pg_ctl and for people with psql.
func (c *Cluster) address(role, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, c.password),
		Host:     fmt.Sprintf("127.0.0.1:%d", c.port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// execute runs statements as the superuser, each in a transaction of its own,
// because CREATE DATABASE refuses to be inside one.
func (c *Cluster) execute(statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.address(superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("execute: %w", err)
		}
	}
	return nil
}
