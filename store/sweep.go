package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// SetupScope is the scope of challenges that Sweep leaves alone: the first
// administrator's link stays what it was until it is used.
const SetupScope = "setup"

const (
	feedKeeps = time.Hour
	sentKeeps = 7 * 24 * time.Hour
	deadKeeps = 30 * 24 * time.Hour
)

// rubbish is what Sweep deletes: rows of the table that match, oldest first by a
// column that has an index.
var rubbish = [...]struct {
	table, key, match, by string
	age                   time.Duration
}{
	{"attempts", "id", "", "expires_at", 0},
	{"challenges", "(scope, method)", "scope <> '" + SetupScope + "' AND ", "expires_at", 0},
	{"sessions", "hash", "", "idle_expires_at", 0},
	{"budgets", "key", "", "idle_at", 0},
	{"replies", "key", "", "expires_at", 0},
	{"changes", "(chain, n)", "", "at", feedKeeps},
	{"outbox", "id", "state = 'done' AND ", "due_at", sentKeeps},
	{"outbox", "id", "state = 'dead' AND ", "due_at", deadKeeps},
}

// sweepText finds the rows by index and deletes exactly those. PostgreSQL gets
// their places: for IN, with a limit it does not know yet, it would plan to read
// the whole table.
func (d dialect) sweepText(table, key, match, by string) string {
	where := " FROM " + table + " WHERE " + match + by + " <= $1 ORDER BY " + by + " LIMIT $2)"
	return d.pick(
		"DELETE FROM "+table+" WHERE "+key+" IN (SELECT "+strings.Trim(key, "()")+where,
		"DELETE FROM "+table+" WHERE ctid = ANY (ARRAY (SELECT ctid"+where+")")
}

// Sweep deletes up to limit rows of each kind that nothing will ask for again, and
// returns how many. Each kind is a transaction of its own; call again while it
// returns much. Events are never swept.
func (db *DB) Sweep(ctx context.Context, limit int) (int, error) {
	total := 0
	for _, one := range rubbish {
		text := db.d.sweepText(one.table, one.key, one.match, one.by)
		var n int64
		err := db.do(ctx, true, func(t *tx) (err error) {
			n, err = t.exec(text, micros(t.now.Add(-one.age)), page(limit))
			return err
		})
		if err != nil {
			return total, fmt.Errorf("store: sweep: %w", err)
		}
		total += int(n)
	}
	return total, nil
}
