package limit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver the product embeds
)

// sessions is as wide and as indexed as a row that opens a session has to be.
const sessions = `CREATE TABLE sessions (
	id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL UNIQUE, identity TEXT NOT NULL, methods TEXT NOT NULL,
	device TEXT NOT NULL, place TEXT NOT NULL, created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_identity ON sessions (identity, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);`

const insert = `INSERT INTO sessions (id, secret_hash, identity, methods, device, place, created_at, seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// Commits is a SQLite database in the mode the product runs it in: WAL, and a commit that is on disk
// before it is acknowledged (synchronous=FULL).
type Commits struct {
	db      *sql.DB
	conn    *sql.Conn
	prepare map[string]*sql.Stmt
}

// OpenCommits makes a fresh database in dir. Close it afterwards.
func OpenCommits(ctx context.Context, dir string) (*Commits, error) {
	dsn := "file:" + filepath.Join(dir, "limit.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("limit: open: %w", err)
	}
	c := &Commits{db: db, prepare: map[string]*sql.Stmt{}}
	if c.conn, err = db.Conn(ctx); err != nil {
		return nil, fmt.Errorf("limit: connect: %w", err)
	}
	if _, err := c.conn.ExecContext(ctx, sessions); err != nil {
		return nil, fmt.Errorf("limit: schema: %w", err)
	}
	for _, text := range []string{insert, "BEGIN IMMEDIATE", "SAVEPOINT one", "RELEASE one", "COMMIT"} {
		if c.prepare[text], err = c.conn.PrepareContext(ctx, text); err != nil {
			return nil, fmt.Errorf("limit: prepare %q: %w", text, err)
		}
	}
	return c, nil
}

// Close gives the database up.
func (c *Commits) Close() error {
	for _, s := range c.prepare {
		_ = s.Close()
	}
	_ = c.conn.Close()
	return c.db.Close()
}

// Single commits one row at a time: what a design that gives every caller a transaction can reach.
func (c *Commits) Single(ctx context.Context, d time.Duration) (Work, error) {
	var failed error
	w := Repeat(ctx, 1, d, func() error {
		failed = c.commit(ctx, 1)
		return failed
	})
	return w, failed
}

// Group commits together what so many callers brought: one writer, each row in its own savepoint,
// every caller released only when its row is on disk.
func (c *Commits) Group(ctx context.Context, callers int, d time.Duration) (Work, error) {
	waiting := make(chan chan error, callers)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		c.write(ctx, waiting, callers)
	}()
	failures := make(chan error, callers)
	answers := make(chan chan error, callers) // reused: the channel is not what is being measured
	for range callers {
		answers <- make(chan error, 1)
	}
	w := Repeat(ctx, callers, d, func() error {
		answer := <-answers
		waiting <- answer
		err := <-answer
		answers <- answer
		if err != nil {
			failures <- err
		}
		return err
	})
	close(waiting)
	<-stopped
	select {
	case err := <-failures:
		return w, err
	default:
		return w, nil
	}
}

// write is the one writer: it takes everyone who is waiting at this moment, commits, and tells them.
func (c *Commits) write(ctx context.Context, waiting <-chan chan error, most int) {
	batch := make([]chan error, 0, most)
	for first := range waiting {
		batch = gather(append(batch[:0], first), waiting)
		// Those just released come back at once if they are let run: looking a second time nearly
		// doubles the batch.
		runtime.Gosched()
		batch = gather(batch, waiting)
		err := c.commit(ctx, len(batch))
		for _, answer := range batch {
			answer <- err
		}
	}
}

// gather adds everyone who waits now, up to the batch's capacity.
func gather(batch []chan error, waiting <-chan chan error) []chan error {
	for len(batch) < cap(batch) {
		select {
		case next, open := <-waiting:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (c *Commits) commit(ctx context.Context, rows int) error {
	if err := c.do(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for range rows {
		if err := c.row(ctx); err != nil {
			_, _ = c.conn.ExecContext(ctx, "ROLLBACK")
			return err
		}
	}
	return c.do(ctx, "COMMIT")
}

func (c *Commits) row(ctx context.Context) error {
	if err := c.do(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	hash := make([]byte, 32)
	_, _ = rand.Read(hash) // never fails (crypto/rand)
	now := time.Now().UnixMilli()
	id := fmt.Sprintf("ses_%012x%x", now, hash[:8])
	if err := c.do(ctx, insert, id, hash, "idn_"+id[4:], "password", "Firefox on Linux", "127.0.0.1", now, now, now+86_400_000); err != nil {
		return err
	}
	return c.do(ctx, "RELEASE one")
}

func (c *Commits) do(ctx context.Context, text string, args ...any) error {
	// A context that can end costs the driver a watching goroutine per statement; none of these waits.
	if _, err := c.prepare[text].ExecContext(context.WithoutCancel(ctx), args...); err != nil {
		return fmt.Errorf("limit: %.12s: %w", text, err)
	}
	return nil
}
