package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersign-id/countersign"
)

// letter is the part of a message that is sealed: whom it is for and what it
// says, codes and links included.
type letter struct {
	To       string            `json:"to"`
	Template string            `json:"template"`
	Locale   string            `json:"locale"`
	Data     map[string]string `json:"data"`
}

// post puts messages in the outbox. One of channel "none" goes the same way, to a
// worker that sends it nowhere: else the writes of one that is sent would hold up
// the next request about somebody who is known, and about nobody else.
func (t *tx) post(all []countersign.Message) error {
	for _, m := range all {
		plain, err := json.Marshal(letter{m.To, m.Template, m.Locale, m.Data})
		if err != nil {
			return fmt.Errorf("message: %w", err)
		}
		if _, err := t.exec(`INSERT INTO outbox (id, channel, state, due_at, tries, created_at, sent_at, reason, data) VALUES ($1, $2, 'waiting', $3, 0, $4, 0, '', $5)`,
			m.ID, m.Channel, micros(t.now), micros(m.CreatedAt), t.lane.db.seal(plain, "outbox", m.ID)); err != nil {
			return err
		}
	}
	return nil
}

const messageColumns = `id, channel, tries, created_at, sent_at, data`

// ClaimMessages takes waiting messages that are due, counts the try and hides
// them for the lease. A worker that dies leaves them to be claimed after it.
func (db *DB) ClaimMessages(ctx context.Context, lease time.Duration, limit int) ([]countersign.Message, error) {
	var out []countersign.Message
	text := `UPDATE outbox SET due_at = $1, tries = tries + 1 WHERE id IN
		(SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= $2 ORDER BY due_at LIMIT $3` +
		db.d.pick(``, ` FOR UPDATE SKIP LOCKED`) + `) AND state = 'waiting' RETURNING ` + messageColumns
	err := db.do(ctx, false, func(t *tx) error {
		out = nil
		var unreadable []string
		if err := t.query(func(r *sql.Rows) error {
			m, err := db.scanMessage(r)
			if err != nil && m.ID != "" { // it cannot hold up the others
				unreadable = append(unreadable, m.ID)
				return nil
			}
			out = append(out, m)
			return err
		}, text, micros(t.now.Add(lease)), micros(t.now), page(limit)); err != nil {
			return err
		}
		for _, id := range unreadable {
			if _, err := t.exec(`UPDATE outbox SET state = 'dead', reason = 'the contents cannot be read', due_at = $1 WHERE id = $2`, micros(t.now), id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: claim messages: %w", err)
	}
	return out, nil
}

func (db *DB) scanMessage(r *sql.Rows) (m countersign.Message, err error) {
	var created, sent int64
	var data []byte
	if err = r.Scan(&m.ID, &m.Channel, &m.Tries, &created, &sent, &data); err != nil {
		return m, err
	}
	m.CreatedAt, m.SentAt = fromMicros(created), fromMicros(sent)
	plain, err := db.unseal(data, "outbox", m.ID)
	if err != nil {
		return m, err
	}
	var l letter
	if err = json.Unmarshal(plain, &l); err != nil {
		return m, fmt.Errorf("message: %w", err)
	}
	m.To, m.Template, m.Locale, m.Data = l.To, l.Template, l.Locale, l.Data
	return m, nil
}

// FinishMessage marks a message as sent. Its contents are dropped unless they are
// to be kept for the development inbox; those of one that went nowhere always are. ErrNotFound when it does not wait.
func (db *DB) FinishMessage(ctx context.Context, id string, keep bool) error {
	text := `UPDATE outbox SET state = 'done', due_at = $1, sent_at = $1, reason = '', data = NULL WHERE id = $2 AND state = 'waiting'`
	if keep {
		text = `UPDATE outbox SET state = 'done', due_at = $1, sent_at = $1, reason = '', data = CASE WHEN channel = 'none' THEN NULL ELSE data END
			WHERE id = $2 AND state = 'waiting'`
	}
	return db.settle(ctx, "finish message", text, func(t *tx) []any { return []any{micros(t.now), id} })
}

// RetryMessage puts a message off until next, with the reason, which must hold
// nothing of the message; or, when dead, gives it up.
func (db *DB) RetryMessage(ctx context.Context, id string, next time.Time, reason string, dead bool) error {
	return db.settle(ctx, "retry message", `UPDATE outbox SET state = $1, due_at = $2, reason = $3 WHERE id = $4 AND state = 'waiting'`,
		func(t *tx) []any {
			if dead {
				return []any{"dead", micros(t.now), plain(reason), id}
			}
			return []any{"waiting", micros(next), plain(reason), id}
		})
}

func (db *DB) settle(ctx context.Context, doing, text string, args func(*tx) []any) error {
	var n int64
	err := db.do(ctx, false, func(t *tx) (err error) {
		n, err = t.exec(text, args(t)...)
		return err
	})
	_, err = found1(n, n > 0, err, doing)
	return err
}

// Inbox returns sent messages whose contents were kept, newest first.
func (db *DB) Inbox(ctx context.Context, limit int) ([]countersign.Message, error) {
	var out []countersign.Message
	err := db.query(ctx, func(r *sql.Rows) error {
		m, err := db.scanMessage(r)
		out = append(out, m)
		return err
	}, `SELECT `+messageColumns+` FROM outbox WHERE state = 'done' AND data IS NOT NULL ORDER BY due_at DESC, id DESC LIMIT $1`, page(limit))
	if err != nil {
		return nil, fmt.Errorf("store: inbox: %w", err)
	}
	return out, nil
}

// Backlog counts the messages that wait and those given up.
func (db *DB) Backlog(ctx context.Context) (waiting, dead int, err error) {
	err = db.query(ctx, func(r *sql.Rows) error { return r.Scan(&waiting, &dead) },
		`SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting'), (SELECT count(*) FROM outbox WHERE state = 'dead')`)
	if err != nil {
		return 0, 0, fmt.Errorf("store: backlog: %w", err)
	}
	return waiting, dead, nil
}
