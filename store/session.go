package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
)

const sessionColumns = `s.hash, s.id, s.identity, s.assurance, s.methods, s.authenticated_at, s.last_proved_at, s.last_seen_at, s.expires_at, s.idle_expires_at, s.device`

const (
	intoSessions = `INSERT INTO sessions (hash, id, identity, assurance, methods, authenticated_at, last_proved_at, last_seen_at, expires_at, idle_expires_at, device) `
	ofSession    = `$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11`
)

// sessionRow is the session as ofSession counts its columns; nil for none.
func sessionRow(s *countersign.Session) ([]any, error) {
	if s == nil {
		return nil, nil
	}
	methods, bad := json.Marshal(s.Methods)
	device, err := json.Marshal(s.Device)
	if err = errors.Join(bad, err); err != nil {
		return nil, fmt.Errorf("store: session: %w", err)
	}
	return []any{s.Hash[:], string(s.ID), string(s.Identity), int64(s.Assurance), string(methods), micros(s.AuthenticatedAt), micros(s.LastProvedAt),
		micros(s.LastSeenAt), micros(s.ExpiresAt), micros(s.IdleExpiresAt), string(device)}, nil
}

// openSession inserts the session, on condition that its identity is still what was
// proved, if one is given. PostgreSQL keeps the row from changing until the commit,
// so that a change of password beside it either ends this session or refuses it.
func (t *tx) openSession(row []any, still *countersign.Identity) error {
	if still == nil {
		_, err := t.exec(intoSessions+`VALUES (`+ofSession+`)`, row...)
		return err
	}
	n, err := t.exec(intoSessions+`SELECT `+ofSession+` FROM identities WHERE id = $3 AND id = $12 AND version = $13 AND state = 'active'`+
		t.lane.db.d.pick(``, ` FOR SHARE`), append(slices.Clip(row), string(still.ID), still.Version)...)
	if err == nil && n == 0 {
		return conflict("the identity has moved on")
	}
	return err
}

// end deletes sessions and says so in the feed, for the caches of all nodes.
// A session that is not there any more is no error, unless it must be: it has ended.
func (t *tx) end(all []countersign.End, feed *[]countersign.Noted) error {
	for _, e := range all {
		var err error
		var n int64
		if e.Session != "" {
			if n, err = t.exec(`DELETE FROM sessions WHERE identity = $1 AND id = $2`, string(e.Identity), string(e.Session)); err == nil && n == 0 && e.Live {
				return conflict("the session has ended")
			}
		} else {
			if !t.lane.db.d.lite { // a session being opened is waited for: the next statement sees it
				if _, err = t.exec(`SELECT id FROM identities WHERE id = $1 FOR NO KEY UPDATE`, string(e.Identity)); err != nil {
					return err
				}
			}
			if _, err = t.exec(`DELETE FROM sessions WHERE identity = $1 AND id <> $2`, string(e.Identity), string(e.Except)); err == nil && !e.Open {
				err = t.endAttempts(e.Identity)
			}
		}
		if err != nil {
			return err
		}
		*feed = append(*feed, countersign.Noted{Identity: e.Identity, Session: e.Session})
	}
	return nil
}

// endAttempts fails what is still open for an identity whose sessions all end: a
// recovery that somebody began before must not outlive what ended them. Proving
// an address goes on, for it opens nothing.
func (t *tx) endAttempts(id countersign.IdentityID) error {
	_, err := t.exec(`UPDATE attempts SET version = version + 1, state = $1 WHERE identity = $2 AND identity <> '' AND state = $3 AND purpose <> $4`,
		string(countersign.Failed), string(id), string(countersign.NeedsEvidence), string(countersign.VerifyOwn))
	return err
}

func (t *tx) note(feed []countersign.Noted) error {
	for chunk := range slices.Chunk(feed, maxRows) {
		args := make([]any, 0, 5*len(chunk))
		for _, n := range chunk {
			t.head.feed++
			args = append(args, t.head.chain, t.head.feed, micros(t.now), string(n.Identity), string(n.Session))
		}
		if _, err := t.exec(`INSERT INTO changes (chain, n, at, identity, session) VALUES `+tuples(len(chunk), 5), args...); err != nil {
			return err
		}
	}
	return nil
}

// Changes returns the feed from since on, oldest first. A row becomes visible at
// its commit, up to 5 s after its At, so readers overlap: ask for some seconds
// before the newest seen and skip what Chain and N show to be known. The feed
// keeps an hour.
func (db *DB) Changes(ctx context.Context, since time.Time) ([]countersign.Noted, error) {
	var out []countersign.Noted
	err := db.query(ctx, func(r *sql.Rows) error {
		var n countersign.Noted
		var at int64
		err := r.Scan(&n.Chain, &n.N, &at, &n.Identity, &n.Session)
		n.At = fromMicros(at)
		out = append(out, n)
		return err
	}, `SELECT chain, n, at, identity, session FROM changes WHERE at >= $1 ORDER BY at`, micros(since))
	if err != nil {
		return nil, fmt.Errorf("store: changes: %w", err)
	}
	return out, nil
}

// ListSessions returns the live sessions of an identity in the order of their
// ids, after the one named.
func (db *DB) ListSessions(ctx context.Context, id countersign.IdentityID, after countersign.SessionID, limit int) ([]countersign.Session, error) {
	var out []countersign.Session
	err := db.query(ctx, func(r *sql.Rows) error {
		s, err := scanSession(r)
		out = append(out, s)
		return err
	}, `SELECT `+sessionColumns+` FROM sessions s WHERE s.identity = $1 AND s.id > $2 AND s.expires_at > $3 AND s.idle_expires_at > $3 ORDER BY s.id LIMIT $4`,
		string(id), string(after), micros(db.now()), page(limit))
	if err != nil {
		return nil, fmt.Errorf("store: list sessions: %w", err)
	}
	return out, nil
}

func scanSession(r *sql.Rows) (s countersign.Session, err error) {
	var hash []byte
	var methods, device string
	var authenticated, proved, seen, expires, idle int64
	if err = r.Scan(&hash, &s.ID, &s.Identity, &s.Assurance, &methods, &authenticated, &proved, &seen, &expires, &idle, &device); err != nil {
		return s, err
	}
	copy(s.Hash[:], hash)
	s.AuthenticatedAt, s.LastProvedAt, s.LastSeenAt = fromMicros(authenticated), fromMicros(proved), fromMicros(seen)
	s.ExpiresAt, s.IdleExpiresAt = fromMicros(expires), fromMicros(idle)
	s.Methods, s.Device, err = readPass(methods, device)
	return s, err
}

// touchRows is how many sessions one transaction touches, so that a long list
// does not hold up the writes behind it.
const touchRows = 256

// TouchSessions writes LastSeenAt and IdleExpiresAt of sessions that are still
// there, never backwards. It has no event: being seen is no act.
func (db *DB) TouchSessions(ctx context.Context, seen []countersign.Session) error {
	sorted := slices.Clone(seen) // one order for all nodes: no deadlock
	slices.SortFunc(sorted, func(a, b countersign.Session) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	for chunk := range slices.Chunk(sorted, touchRows) {
		err := db.do(ctx, true, func(t *tx) error {
			for _, s := range chunk {
				if _, err := t.exec(`UPDATE sessions SET last_seen_at = $1, idle_expires_at = $2 WHERE hash = $3 AND last_seen_at < $1`,
					micros(s.LastSeenAt), micros(s.IdleExpiresAt), s.Hash[:]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("store: touch sessions: %w", err)
		}
	}
	return nil
}
