package store

import (
	"cmp"
	"context"
	"database/sql"
	"time"
)

// tx is the transaction that a lane runs, as one write sees it.
type tx struct {
	ctx    context.Context
	lane   *lane
	now    time.Time
	head   head   // with the links of this transaction
	linked uint64 // how many, without checkpoints
	failed error  // the first statement that failed in this write
}

// control runs BEGIN, COMMIT and the like: not counted as a statement.
func (t *tx) control(text string) error {
	st, err := t.lane.stmts.get(t.ctx, text)
	if err == nil {
		_, err = st.ExecContext(t.ctx)
	}
	return err
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	st, err := t.prepared(text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := res.RowsAffected()
	return n, t.fail(err)
}

// query runs a statement that returns rows; scan is called on each.
func (t *tx) query(scan func(*sql.Rows) error, text string, args ...any) error {
	st, err := t.prepared(text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	if err != nil {
		return t.fail(err)
	}
	return t.fail(each(rows, scan))
}

func (t *tx) prepared(text string) (*sql.Stmt, error) {
	t.lane.db.stmts.Add(1)
	st, err := t.lane.stmts.get(t.ctx, text)
	return st, t.fail(err)
}

// fail remembers the first failure: PostgreSQL would refuse all that follows.
func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func each(rows *sql.Rows, scan func(*sql.Rows) error) error {
	for rows.Next() {
		if err := scan(rows); err != nil {
			rows.Close()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		rows.Close()
		return err
	}
	return rows.Close()
}

// query reads outside of a transaction: one statement sees one state of the
// database. A PostgreSQL connection that turns out to be gone is replaced once.
func (db *DB) query(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) error {
	if err := db.unready(); err != nil {
		return err
	}
	ctx, err := db.d.readContext(ctx)
	if err != nil {
		return err
	}
	db.stmts.Add(1)
	seen := false
	once := func(r *sql.Rows) error { seen = true; return scan(r) }
	if err = db.tryQuery(ctx, once, text, args); err != nil && !seen && !db.d.lite && db.d.broken(err) {
		err = db.tryQuery(ctx, once, text, args)
	}
	if err != nil {
		err = cmp.Or(db.inPlace(), err) // what a file in its place says is not about us
	}
	return db.fault(err)
}

func (db *DB) tryQuery(ctx context.Context, scan func(*sql.Rows) error, text string, args []any) error {
	st, err := db.reading.get(ctx, text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// micros is how times are kept: Unix microseconds, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// page bounds how many rows a list returns.
func page(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}
