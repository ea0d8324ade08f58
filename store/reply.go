package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"
)

// ReplyState says what became of an idempotency key.
type ReplyState string

// The states of a reserved reply.
const (
	ReplyNew  ReplyState = "new"  // yours now: do it, then KeepReply
	ReplyBusy ReplyState = "busy" // another request with this key is at it
	ReplyKept ReplyState = "kept" // done before: here is what was answered
	ReplyElse ReplyState = "else" // the key was used for a different request
)

// replyPatience is how long a reservation without an answer stands: its server
// may have died.
const replyPatience = time.Minute

// ReserveReply reserves the key for the request, for its life, or says how the
// first request with it ended. The request is kept as a keyed hash alone.
func (db *DB) ReserveReply(ctx context.Context, key string, request []byte, life time.Duration) (kept []byte, state ReplyState, err error) {
	key = plain(key)
	err = db.do(ctx, true, func(t *tx) error {
		kept, state, err = t.reserve(key, request, life)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("store: reserve reply: %w", err)
	}
	return kept, state, nil
}

func (t *tx) reserve(key string, request []byte, life time.Duration) (kept []byte, state ReplyState, err error) {
	m := hmac.New(sha256.New, t.lane.db.keys.Load().names)
	fmt.Fprintf(m, "request/%d:%s/", len(key), key)
	m.Write(request)
	hash := m.Sum(nil)
	n, err := t.exec(`INSERT INTO replies AS r (key, request, state, created_at, expires_at) VALUES ($1, $2, 'pending', $3, $4)
		ON CONFLICT (key) DO UPDATE SET request = excluded.request, state = 'pending', response = NULL, created_at = excluded.created_at, expires_at = excluded.expires_at
		WHERE r.expires_at <= $3 OR r.state = 'pending' AND r.created_at <= $5`,
		key, hash, micros(t.now), micros(t.now.Add(life)), micros(t.now.Add(-replyPatience)))
	if err != nil || n > 0 {
		return nil, ReplyNew, err
	}
	err = t.query(func(r *sql.Rows) error {
		var asked, sealed []byte
		if err := r.Scan(&asked, &state, &sealed); err != nil {
			return err
		}
		switch {
		case !hmac.Equal(asked, hash):
			state = ReplyElse
		case state != ReplyKept:
			state = ReplyBusy
		default:
			kept, err = t.lane.db.unseal(sealed, "replies", key)
			return err
		}
		return nil
	}, `SELECT request, state, response FROM replies WHERE key = $1`, key)
	return kept, state, err
}

// KeepReply keeps, sealed, what was answered to the request that reserved the key.
func (db *DB) KeepReply(ctx context.Context, key string, response []byte) error {
	key = plain(key)
	return db.settle(ctx, "keep reply", `UPDATE replies SET state = 'kept', response = $1 WHERE key = $2 AND state = 'pending'`,
		func(*tx) []any { return []any{db.seal(response, "replies", key), key} })
}

// DropReply gives a reserved key back unanswered, so that trying again may help.
func (db *DB) DropReply(ctx context.Context, key string) error {
	key = plain(key)
	return db.settle(ctx, "drop reply", `DELETE FROM replies WHERE key = $1 AND state = 'pending'`, func(*tx) []any { return []any{key} })
}
