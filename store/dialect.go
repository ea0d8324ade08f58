package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

// busyTimeout is how long SQLite waits for another process's write.
const busyTimeout = 3 * time.Second

// dialect is what differs between the two databases outside SQL texts.
type dialect struct {
	lite bool
	dsn  string // SQLite: the path; PostgreSQL: the whole URL
}

func dialectOf(u string) (dialect, error) {
	switch scheme, rest, _ := strings.Cut(u, ":"); scheme {
	case "sqlite":
		if rest == "" {
			return dialect{}, errors.New("store: the database URL has no path")
		}
		return dialect{lite: true, dsn: rest}, nil
	case "postgres", "postgresql":
		return dialect{dsn: u}, nil
	}
	return dialect{}, errors.New("store: a database URL begins with sqlite: or postgres://") // never quote it: it may hold a password
}

// pick returns the text of this database where the two truly differ.
func (d dialect) pick(lite, postgres string) string {
	if d.lite {
		return lite
	}
	return postgres
}

// statementContext bounds a write. SQLite gets none: its statements end by
// themselves within busyTimeout, and each cancellable one would cost a goroutine.
func (d dialect) statementContext() (context.Context, context.CancelFunc) {
	if d.lite {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), opTimeout)
}

// readContext is the caller's, except on SQLite, for the same reason.
func (d dialect) readContext(ctx context.Context) (context.Context, error) {
	if d.lite {
		return context.Background(), ctx.Err()
	}
	return ctx, nil
}

func (d dialect) defaults(o Options) Options {
	if !d.lite {
		return o.withDefaults(16, 8)
	}
	o = o.withDefaults(max(4, runtime.GOMAXPROCS(0)), 1)
	o.Lanes = 1 // SQLite has one writer
	return o
}

func (d dialect) open(o Options) (write, read *sql.DB, err error) {
	if d.lite {
		return d.openLite(o)
	}
	cfg, err := pgx.ParseConfig(d.dsn)
	if err != nil {
		return nil, nil, errors.New("store: the database URL is not one of PostgreSQL") // its error quotes the URL
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > opTimeout {
		cfg.ConnectTimeout = opTimeout
	}
	for name, limit := range map[string]time.Duration{
		"statement_timeout":                   opTimeout,
		"lock_timeout":                        opTimeout / 2,
		"idle_in_transaction_session_timeout": 2 * opTimeout,
	} {
		if cfg.RuntimeParams[name] == "" {
			cfg.RuntimeParams[name] = strconv.FormatInt(limit.Milliseconds(), 10)
		}
	}
	write, read = stdlib.OpenDB(*cfg), stdlib.OpenDB(*cfg)
	limit(write, o.Lanes+2)
	limit(read, o.MaxConnections)
	return write, read, nil
}

// openLite makes the file, for its owner alone, when it is not there.
func (d dialect) openLite(o Options) (write, read *sql.DB, err error) {
	f, err := os.OpenFile(d.dsn, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil && !errors.Is(err, os.ErrPermission) {
		return nil, nil, fmt.Errorf("store: open: %w", err)
	}
	if err == nil {
		if err := f.Close(); err != nil {
			return nil, nil, fmt.Errorf("store: open: %w", err)
		}
	}
	// FULL: with NORMAL, the last commits may be lost when the power goes. The cache
	// holds what a full batch changes, so that no page is written before the commit.
	writing := url.Values{"_txlock": {"immediate"}, "mode": {"rw"}}
	if write, err = sql.Open("sqlite", d.file(writing, "cache_size(-8000)", "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(8000)")); err != nil {
		return nil, nil, fmt.Errorf("store: open: %w", err)
	}
	if read, err = sql.Open("sqlite", d.reading()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("store: open: %w", err), write.Close())
	}
	limit(write, o.Lanes+1)
	limit(read, o.MaxConnections)
	return write, read, nil
}

// reading is what a connection to the SQLite file opens with that only reads.
func (d dialect) reading() string {
	return d.file(url.Values{"mode": {"ro"}}, "cache_size(-4000)", "query_only(1)")
}

func (d dialect) file(options url.Values, pragmas ...string) string {
	options["_pragma"] = append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)", "temp_store(memory)"}, pragmas...)
	return "file:" + (&url.URL{Path: d.dsn}).EscapedPath() + "?" + options.Encode()
}

// limit keeps connections open once made: each holds its prepared statements.
func limit(db *sql.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
}
