package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	longestPause  = 24 * time.Hour
	budgetForgets = 7 * 24 * time.Hour // idle time after which guesses and rounds are forgotten
)

// countText counts all budgets in one statement, before anything is checked. A
// row older than idle_at counts as new; span > 0 is a rate, whose window begins
// with its first use; span 0 is for guesses, which fill it and then rest until
// until_at, twice as long each round. A refused use leaves used above most and
// changes nothing else, so that hammering does not prolong the pause.
const (
	countHead = `INSERT INTO budgets AS b (key, used, rounds, until_at, idle_at, touched_at, most, span, pause) VALUES `
	countTail = ` ON CONFLICT (key) DO UPDATE SET
	used = CASE WHEN b.idle_at <= excluded.touched_at THEN 1
		WHEN excluded.span > 0 THEN CASE WHEN b.used >= excluded.most THEN excluded.most + 1 ELSE b.used + 1 END
		WHEN b.until_at > excluded.touched_at THEN excluded.most + 1
		WHEN b.until_at > 0 THEN 1
		WHEN b.used >= excluded.most THEN excluded.most
		ELSE b.used + 1 END,
	rounds = CASE WHEN b.idle_at <= excluded.touched_at THEN excluded.rounds
		WHEN excluded.span > 0 OR b.until_at > excluded.touched_at OR (CASE WHEN b.until_at > 0 THEN 1 ELSE b.used + 1 END) < excluded.most THEN b.rounds
		ELSE b.rounds + 1 END,
	until_at = CASE WHEN b.idle_at <= excluded.touched_at THEN excluded.until_at
		WHEN excluded.span > 0 OR b.until_at > excluded.touched_at THEN b.until_at
		WHEN (CASE WHEN b.until_at > 0 THEN 1 ELSE b.used + 1 END) < excluded.most THEN 0
		WHEN b.rounds >= 20 OR excluded.pause << CAST(b.rounds AS INTEGER) > 86400000000 THEN excluded.touched_at + 86400000000
		ELSE excluded.touched_at + (excluded.pause << CAST(b.rounds AS INTEGER)) END,
	idle_at = CASE WHEN b.idle_at <= excluded.touched_at THEN excluded.idle_at
		WHEN excluded.span > 0 OR b.until_at > excluded.touched_at THEN b.idle_at
		ELSE excluded.idle_at END,
	touched_at = excluded.touched_at, most = excluded.most, span = excluded.span, pause = excluded.pause
	RETURNING key, used, until_at`
	giveBackText = `UPDATE budgets SET used = used - 1,
	until_at = CASE WHEN span = 0 AND used >= most THEN 0 ELSE until_at END,
	rounds = CASE WHEN span = 0 AND used >= most THEN rounds - 1 ELSE rounds END WHERE key IN (`
	unusedText = `DELETE FROM budgets WHERE used <= 0 AND rounds <= 0 AND key IN (`
)

// Count uses each budget once and returns 0 when all had room. When one had
// none, the uses of the others are given back and wait is the longest pause left.
// It counts before the caller looks, and commits before it returns: of any number
// of parallel callers, on any number of nodes, at most Max get 0.
func (db *DB) Count(ctx context.Context, budgets []countersign.Budget) (wait time.Duration, err error) {
	all := slices.Clone(budgets)
	slices.SortStableFunc(all, func(a, b countersign.Budget) int { return strings.Compare(a.Key, b.Key) }) // one order for all: no deadlock
	all = slices.CompactFunc(all, func(a, b countersign.Budget) bool { return a.Key == b.Key })
	if len(all) == 0 {
		return 0, nil
	}
	if len(all) > maxRows {
		return 0, fmt.Errorf("store: count: %d budgets, at most %d", len(all), maxRows)
	}
	// Alone on PostgreSQL: with others in its transaction, two lanes could wait for each other's rows.
	err = db.do(ctx, true, func(t *tx) (err error) {
		wait, err = t.count(all)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("store: count: %w", err)
	}
	return wait, nil
}

func (t *tx) count(all []countersign.Budget) (wait time.Duration, err error) {
	now := micros(t.now)
	args := make([]any, 0, 9*len(all))
	most := make(map[string]int, len(all))
	for _, b := range all {
		if b.Max < 1 || b.Key == "" {
			return 0, fmt.Errorf("budget %q of %d", b.Key, b.Max)
		}
		most[b.Key] = b.Max
		args = append(args, first(b, now)...)
	}
	var allowed []string
	over := false
	err = t.query(func(r *sql.Rows) error {
		var key string
		var used, until int64
		if err := r.Scan(&key, &used, &until); err != nil {
			return err
		}
		if used <= int64(most[key]) {
			allowed = append(allowed, key)
			return nil
		}
		over, wait = true, max(wait, time.Duration(until-now)*time.Microsecond)
		return nil
	}, countHead+tuples(len(all), 9)+countTail, args...)
	if err != nil || !over {
		return 0, err
	}
	if len(allowed) > 0 {
		slices.Sort(allowed)
		// What is as good as new goes: who is refused by one budget must not fill the table with others.
		for _, text := range []string{giveBackText + list(1, len(allowed)) + `)`, unusedText + list(1, len(allowed)) + `)`} {
			if _, err := t.exec(text, anys(allowed)...); err != nil {
				return 0, err
			}
		}
	}
	return max(wait, time.Microsecond), nil
}

// first is the row of a budget's first use.
func first(b countersign.Budget, now int64) []any {
	span, pause := b.Per.Microseconds(), min(b.Pause, longestPause).Microseconds()
	var rounds, until int64
	idle := now + budgetForgets.Microseconds()
	switch {
	case span > 0:
		until = now + span
		idle = until
	case b.Max == 1:
		rounds, until = 1, now+pause
	}
	return []any{b.Key, int64(1), rounds, until, idle, now, int64(b.Max), span, pause}
}

// clear gives guess budgets back after a success, rounds and all.
func (t *tx) clear(keys []string) error {
	sorted := slices.Compact(slices.Sorted(slices.Values(keys)))
	for chunk := range slices.Chunk(sorted, maxRows) {
		if _, err := t.exec(`DELETE FROM budgets WHERE key IN (`+list(1, len(chunk))+`)`, anys(chunk)...); err != nil {
			return err
		}
	}
	return nil
}
