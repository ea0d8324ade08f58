package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/testpg"
	"github.com/countersign-id/countersign/store"
)

func benchDB(b *testing.B, url string) *store.DB {
	db, err := store.Open(b.Context(), store.Options{URL: url, Keys: [][]byte{kek}, Node: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return db
}

func benchIdentity(b *testing.B, db *store.DB, n int) countersign.IdentityID {
	i := &countersign.Identity{ID: countersign.IdentityID(fmt.Sprintf("idn_%08d", n)), Kind: countersign.Person, State: countersign.Active,
		Emails: []countersign.Email{{Address: fmt.Sprintf("p%d@example.com", n), Verified: true, Primary: true}}, Name: "Ada", CreatedAt: time.Now()}
	if err := db.Apply(b.Context(), &countersign.Change{Identity: i, Events: []countersign.Event{benchEvent(n, "")}}); err != nil {
		b.Fatal(err)
	}
	return i.ID
}

func benchEvent(n int, who countersign.IdentityID) countersign.Event {
	return countersign.Event{ID: fmt.Sprintf("evt_%030d", n), At: time.Now(), Action: "session.opened", Outcome: "ok", Subject: who,
		Actor: string(who), Session: "ses_x", Method: "password", Network: "192.0.2.1", Device: "Chrome on a Mac"}
}

func benchSession(n int, who countersign.IdentityID) *countersign.Session {
	now := time.Now()
	return &countersign.Session{ID: countersign.SessionID(fmt.Sprintf("ses_%032d", n)), Identity: who, Hash: sha256.Sum256(fmt.Append(nil, n)),
		Methods: []string{"password"}, AuthenticatedAt: now, LastProvedAt: now, LastSeenAt: now, ExpiresAt: now.Add(720 * time.Hour), IdleExpiresAt: now.Add(168 * time.Hour),
		Device: countersign.Device{Name: "Chrome on a Mac", Network: "192.0.2.1"}}
}

// BenchmarkOpenSession is a session opened with its event, by 64 callers at once.
// Its limit is BenchmarkGroupCommit in the same run.
func BenchmarkOpenSession(b *testing.B) {
	for _, at := range []struct{ name, url string }{{"sqlite", "sqlite:" + filepath.Join(b.TempDir(), "b.db")}, {"postgres", testpg.URL(b)}} {
		b.Run(at.name, func(b *testing.B) {
			db := benchDB(b, at.url)
			var who []countersign.IdentityID
			for n := range 1000 {
				who = append(who, benchIdentity(b, db, n+int(benchSeq.Add(1))*100000))
			}
			b.SetParallelism(16) // times GOMAXPROCS, 4 here
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					n := int(benchSeq.Add(1))
					id := who[n%len(who)]
					c := countersign.Change{Session: benchSession(n, id), Events: []countersign.Event{benchEvent(n, id)}}
					if err := db.Apply(context.Background(), &c); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			s := db.Stats()
			b.ReportMetric(float64(s.Ops)/float64(s.Batches), "ops/commit")
		})
	}
}

var benchSeq atomic.Int64

// BenchmarkGroupCommit is the limit: a bare writer that commits what 64 callers
// brought, one session-like INSERT each in its savepoint.
func BenchmarkGroupCommit(b *testing.B) {
	q := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(full)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?"+q.Encode())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	run := func(s string) *sql.Stmt {
		st, err := c.PrepareContext(ctx, s)
		if err != nil {
			b.Fatal(s, err)
		}
		return st
	}
	c.ExecContext(ctx, `CREATE TABLE s (hash BLOB PRIMARY KEY, id TEXT, identity TEXT, at INTEGER, ends INTEGER, device TEXT) WITHOUT ROWID`)
	begin, commit, save, release := run("BEGIN IMMEDIATE"), run("COMMIT"), run("SAVEPOINT a"), run("RELEASE a")
	insert := run(`INSERT INTO s VALUES ($1, $2, $3, $4, $5, $6)`)
	type job struct {
		n    int
		done chan error
	}
	queue := make(chan job, 4096)
	go func() {
		for j := range queue {
			batch := []job{j}
			for len(queue) > 0 && len(batch) < 256 {
				batch = append(batch, <-queue)
			}
			begin.ExecContext(ctx)
			for _, j := range batch {
				save.ExecContext(ctx)
				h := sha256.Sum256(fmt.Append(nil, j.n))
				insert.ExecContext(ctx, h[:], fmt.Sprintf("ses_%032d", j.n), "idn_00000001", int64(j.n), int64(j.n), `{"name":"Chrome on a Mac","network":"192.0.2.1","place":""}`)
				release.ExecContext(ctx)
			}
			_, err := commit.ExecContext(ctx)
			for _, j := range batch {
				j.done <- err
			}
		}
	}()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			j := job{int(benchSeq.Add(1)), make(chan error, 1)}
			queue <- j
			if err := <-j.done; err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkFindSession looks up one of a million sessions, each time another.
func BenchmarkFindSession(b *testing.B) {
	path := filepath.Join(b.TempDir(), "b.db")
	db := benchDB(b, "sqlite:"+path)
	benchIdentity(b, db, 1)
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	const sessions = 1000000
	for _, text := range []string{
		`INSERT INTO identities WITH RECURSIVE g(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM g WHERE i < 100000)
			SELECT printf('idn_%08d', i), 1, 'person', 'active', i, document FROM g, (SELECT document FROM identities LIMIT 1)`,
		`INSERT INTO sessions WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM g WHERE i < 999999)
			SELECT CAST(printf('%032d', (i * 2654435761) % 4294967296) AS BLOB), printf('ses_%032d', i), printf('idn_%08d', 1 + i % 100000), 1, '["password"]', 1, 1, 1,
			4000000000000000, 4000000000000000, '{"name":"Chrome on a Mac","network":"192.0.2.1","place":"near Lyon"}' FROM g ORDER BY 1`,
		`ANALYZE`} {
		if _, err := raw.Exec(text); err != nil {
			b.Fatal(err)
		}
	}
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			var hash [32]byte
			n := uint64(benchSeq.Add(7919)) % sessions
			copy(hash[:], fmt.Sprintf("%032d", n*2654435761%4294967296))
			if _, _, err := db.FindSession(context.Background(), hash); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
