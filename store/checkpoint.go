package store

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	checkpointAction = "audit.checkpoint"
	checkpointEvery  = time.Minute
	checkpointNames  = 1000 // chains that one checkpoint names at most
)

// Checkpoint writes the heads of this node's chains where they have moved; call it
// each second. Each minute with news it also records an event that names the heads
// of all nodes' chains that have moved, so that a whole chain cannot vanish.
func (db *DB) Checkpoint(ctx context.Context) error {
	if err := db.writeHeads(ctx); err != nil {
		return err
	}
	db.joint.Lock()
	defer db.joint.Unlock()
	links, now := db.links.Load(), db.now()
	if links == db.joint.links || now.Before(db.joint.next) {
		return nil
	}
	names, err := db.movedChains(ctx)
	if err != nil {
		return err
	}
	id, err := db.newID("evt_")
	if err != nil {
		return err
	}
	e, err := records([]countersign.Event{{ID: id, At: now, Action: checkpointAction, Outcome: "ok", Actor: "audit", Detail: names}})
	if err != nil {
		return err
	}
	if err := db.do(ctx, false, func(t *tx) error { return t.record(e) }); err != nil {
		return fmt.Errorf("store: checkpoint: %w", err)
	}
	db.joint.links, db.joint.since, db.joint.next = links, now, now.Add(checkpointEvery)
	return nil
}

// movedChains lists heads written since the last checkpoint of any node, with a
// margin for clocks that differ.
func (db *DB) movedChains(ctx context.Context) (map[string]string, error) {
	since := db.joint.since
	if since.IsZero() { // a new process: from the last one on record
		var at int64
		err := db.query(ctx, func(r *sql.Rows) error { return r.Scan(&at) },
			`SELECT at FROM events WHERE action = '`+checkpointAction+`' AND `+rare+` ORDER BY id DESC LIMIT 1`)
		if err != nil {
			return nil, fmt.Errorf("store: checkpoint: %w", err)
		}
		since = fromMicros(at)
	}
	names := map[string]string{}
	err := db.query(ctx, func(r *sql.Rows) error {
		var chain string
		var n int64
		var hash []byte
		if err := r.Scan(&chain, &n, &hash); err != nil {
			return err
		}
		names[chain] = strconv.FormatInt(n, 10) + ":" + hex.EncodeToString(hash)
		return nil
	}, `SELECT chain, n, hash FROM chains WHERE at >= $1 ORDER BY at DESC LIMIT $2`, micros(since)-checkpointEvery.Microseconds(), checkpointNames)
	if err != nil {
		return nil, fmt.Errorf("store: checkpoint: %w", err)
	}
	return names, nil
}

// retire keeps the head of a chain whose connection is dropped until it is written.
func (db *DB) retire(h *head) {
	if h == nil || h.n == 0 {
		return
	}
	db.retired.Lock()
	defer db.retired.Unlock()
	db.retired.heads = append(db.retired.heads, *h)
}

// writeHeads writes the rows of chains that have moved since it last did.
func (db *DB) writeHeads(ctx context.Context) error {
	db.retired.Lock()
	heads := db.retired.heads
	db.retired.heads = nil
	db.retired.Unlock()
	for _, l := range db.lanes {
		if h := l.head.Load(); h != nil && h.n > 0 && h.n > l.wrote(h.chain) {
			heads = append(heads, *h)
		}
	}
	if len(heads) == 0 {
		return nil
	}
	err := db.do(ctx, true, func(t *tx) error {
		for _, h := range heads {
			if err := t.writeHead(h); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.retired.Lock()
		db.retired.heads = append(db.retired.heads, heads...) // next time; an older one never overwrites a newer
		db.retired.Unlock()
		return fmt.Errorf("store: write heads: %w", err)
	}
	for _, l := range db.lanes {
		for _, h := range heads {
			if now := l.head.Load(); now != nil && now.chain == h.chain {
				l.written.Store(&h)
			}
		}
	}
	return nil
}

// wrote is the length of the chain as its row says.
func (l *lane) wrote(chain string) int64 {
	if h := l.written.Load(); h != nil && h.chain == chain {
		return h.n
	}
	return 0
}

// EachChain calls visit for every chain that has records or a head, in the order
// of their names. Sound says whether the head's own keyed hash fits; n is 0 where
// there are records but no head.
func (db *DB) EachChain(ctx context.Context, visit func(chain string, n int64, hash []byte, sound bool) error) error {
	after := ""
	for {
		next, err := db.nextChain(ctx, after)
		if err != nil || next == "" {
			return err
		}
		after = next
		var h head
		var node string
		var mac []byte
		var at int64
		err = db.query(ctx, func(r *sql.Rows) error { return r.Scan(&node, &h.n, &h.hash, &at, &mac) },
			`SELECT node, n, hash, at, mac FROM chains WHERE chain = $1`, next)
		if err != nil {
			return fmt.Errorf("store: each chain: %w", err)
		}
		h.chain, h.at = next, fromMicros(at)
		if err := visit(next, h.n, h.hash, h.n > 0 && hmac.Equal(mac, h.mac(db.ChainKey(), node))); err != nil {
			return err
		}
	}
}

func (db *DB) nextChain(ctx context.Context, after string) (string, error) {
	var next sql.NullString
	err := db.query(ctx, func(r *sql.Rows) error { return r.Scan(&next) },
		`SELECT min(x.chain) FROM (SELECT min(chain) AS chain FROM events WHERE chain > $1 UNION ALL SELECT min(chain) AS chain FROM chains WHERE chain > $1) AS x`, after)
	if err != nil {
		return "", fmt.Errorf("store: each chain: %w", err)
	}
	return next.String, nil
}

// recordsPage is how many records are in memory at once.
const recordsPage = 1000

// EachRecord calls visit for every record of a chain, by its number. An event
// that does not read as the store wrote it is given as the zero Event.
func (db *DB) EachRecord(ctx context.Context, chain string, visit func(n int64, e countersign.Event, hash []byte) error) error {
	type record struct {
		n    int64
		e    countersign.Event
		hash []byte
	}
	last := int64(-1) << 62
	for {
		rows := make([]record, 0, recordsPage)
		err := db.query(ctx, func(r *sql.Rows) error {
			n, e, rest, err := scanEvent(r)
			if !rest.sound {
				e = countersign.Event{}
			}
			rows = append(rows, record{n, e, rest.hash})
			return err
		}, `SELECT `+eventColumns+` FROM events WHERE chain = $1 AND n > $2 ORDER BY n LIMIT $3`, chain, last, recordsPage)
		if err != nil {
			return fmt.Errorf("store: each record: %w", err)
		}
		for _, r := range rows {
			if err := visit(r.n, r.e, r.hash); err != nil {
				return err
			}
			last = r.n
		}
		if len(rows) < recordsPage {
			return ctx.Err()
		}
	}
}

// LinkOf returns the hash of the n-th record of a chain; nil when there is none.
func (db *DB) LinkOf(ctx context.Context, chain string, n int64) ([]byte, error) {
	var hash []byte
	err := db.query(ctx, func(r *sql.Rows) error { return r.Scan(&hash) }, `SELECT hash FROM events WHERE chain = $1 AND n = $2`, chain, n)
	if err != nil {
		return nil, fmt.Errorf("store: link of: %w", err)
	}
	return hash, nil
}
