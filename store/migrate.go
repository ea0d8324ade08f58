package store

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/countersign-id/countersign"
)

// schemaVersion is the newest migration that this program knows.
const schemaVersion = 1

//go:embed migrations/*.sql
var migrations embed.FS

// words are what SQLite calls things; the migrations are in PostgreSQL's.
var words = []string{
	"BIGINT", "INTEGER", "BOOLEAN", "INTEGER", "BYTEA", "BLOB", ` COLLATE "C"`, "",
	"/* strict, clustered */", "STRICT, WITHOUT ROWID", "/* strict */", "STRICT",
}

// Migrate brings the schema up to date and returns how many steps that took.
// Several nodes may call it at once. A newer schema is left as it is.
func (db *DB) Migrate(ctx context.Context) (applied int, err error) {
	at, err := db.schema(ctx)
	if err != nil {
		return 0, db.fault(fmt.Errorf("store: migrate: %w", err))
	}
	if at < schemaVersion {
		if applied, err = db.raise(ctx); err != nil && db.d.lite {
			applied, err = db.raise(ctx) // another process was faster: look again
		}
		if err != nil {
			return applied, db.fault(fmt.Errorf("store: migrate: %w", err))
		}
	}
	if db.keys.Load() != nil {
		return applied, nil
	}
	return applied, db.loadKeys(ctx)
}

func (db *DB) raise(ctx context.Context) (int, error) {
	files, err := db.d.files()
	if err != nil {
		return 0, err
	}
	kind, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true)}
	if !db.d.lite {
		turn, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return 0, err
		}
		kind, opts = goose.DialectPostgres, append(opts, goose.WithSessionLocker(turn))
	}
	p, err := goose.NewProvider(kind, db.write, files, opts...)
	if err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	return len(done), err
}

// files returns the migrations in the words of the database.
func (d dialect) files() (fs.FS, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil || !d.lite {
		return sub, err
	}
	out, say := fstest.MapFS{}, strings.NewReplacer(words...)
	return out, fs.WalkDir(sub, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := sub.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		out[path] = &fstest.MapFile{Data: []byte(say.Replace(string(text)))}
		return err
	})
}

// schema returns the version of the tables; 0 where there are none.
func (db *DB) schema(ctx context.Context) (at int64, err error) {
	var there bool
	err = db.write.QueryRowContext(ctx, db.d.pick(
		`SELECT count(*) > 0 FROM sqlite_master WHERE name = 'goose_db_version'`,
		`SELECT to_regclass('goose_db_version') IS NOT NULL`)).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	err = db.write.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&at)
	return at, err
}

// unready is what methods say on a database without tables.
func (db *DB) unready() error {
	if db.keys.Load() == nil {
		return fmt.Errorf("store: before migrate: %w", countersign.ErrOverloaded)
	}
	return nil
}
