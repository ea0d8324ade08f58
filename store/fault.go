package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	lite "modernc.org/sqlite/lib"

	"github.com/countersign-id/countersign"
)

// fault marks an error of the storage itself as countersign.ErrOverloaded, so
// that callers answer 503 and try again later. Other errors pass unchanged.
func (db *DB) fault(err error) error {
	if err == nil || errors.Is(err, countersign.ErrOverloaded) || !db.d.broken(err) {
		return err
	}
	return fmt.Errorf("store: %w: %w", countersign.ErrOverloaded, err)
}

// broken reports whether err is about the storage, not about what was asked of it.
func (d dialect) broken(err error) bool {
	var word *countersign.Error
	var le *sqlite.Error
	var pe *pgconn.PgError
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, countersign.ErrTaken), errors.Is(err, context.Canceled), errors.As(err, &word):
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrConnDone):
		return true
	case errors.As(err, &le):
		switch le.Code() & 0xff { // the low byte; the rest says more exactly where
		case lite.SQLITE_BUSY, lite.SQLITE_LOCKED, lite.SQLITE_NOMEM, lite.SQLITE_READONLY, lite.SQLITE_INTERRUPT,
			lite.SQLITE_IOERR, lite.SQLITE_FULL, lite.SQLITE_CANTOPEN, lite.SQLITE_PROTOCOL:
			return true
		}
		return false
	case errors.As(err, &pe):
		return brokenState(pe.Code)
	}
	// What PostgreSQL did not say itself, the network did.
	var unnamed interface{ SafeToRetry() bool }
	return !d.lite && (errors.As(err, &unnamed) || isNetwork(err))
}

// brokenState sorts SQLSTATE codes by their class: 08 connection, 53 resources,
// 57 operator, 58 system; and by name: read-only, locks, deadlock, serialization.
func brokenState(code string) bool {
	switch code {
	case "25006", "55P03", "40001", "40P01", "XX000":
		return true
	}
	return len(code) == 5 && (code[:2] == "08" || code[:2] == "53" || code[:2] == "57" || code[:2] == "58")
}

// again reports whether the database asks for the same transaction once more.
func again(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01" || pe.Code == "55P03")
}

// busy reports that another process holds SQLite's write lock.
func busy(err error) bool {
	var le *sqlite.Error
	return errors.As(err, &le) && le.Code()&0xff == lite.SQLITE_BUSY
}

// twice reports a value that must be unique and was there before.
func twice(err error) bool {
	var le *sqlite.Error
	if errors.As(err, &le) {
		return le.Code() == lite.SQLITE_CONSTRAINT_UNIQUE || le.Code() == lite.SQLITE_CONSTRAINT_PRIMARYKEY || le.Code() == lite.SQLITE_CONSTRAINT_ROWID
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "23505"
}

// orphan reports a row whose identity is not there.
func orphan(err error) bool {
	var le *sqlite.Error
	if errors.As(err, &le) {
		return le.Code() == lite.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "23503"
}

// unfit reports text that PostgreSQL cannot hold: a NUL or broken UTF-8.
func unfit(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "22021" || pe.Code == "22P05")
}
