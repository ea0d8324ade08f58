package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"github.com/countersign-id/countersign"
)

const challengeColumns = `scope, method, lookup, identity, address, keep, tries_left, expires_at`

// keepMAC names a challenge's keep. It is keyed, because a keep may be short
// enough to guess from a plain hash.
func (db *DB) keepMAC(c *countersign.Challenge) []byte {
	m := hmac.New(sha256.New, db.keys.Load().names)
	fmt.Fprintf(m, "keep/%d:%s/%d:%s/", len(c.Scope), c.Scope, len(c.Method), c.Method)
	m.Write(c.Keep)
	return m.Sum(nil)
}

func (t *tx) putChallenge(c *countersign.Challenge) error {
	var lookup any // NULL, not empty: no link answers it
	if len(c.Lookup) > 0 {
		lookup = c.Lookup
	}
	_, err := t.exec(`INSERT INTO challenges (scope, method, lookup, identity, address, keep, keep_mac, tries_left, spent, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, $9)
		ON CONFLICT (scope, method) DO UPDATE SET lookup = excluded.lookup, identity = excluded.identity, address = excluded.address,
		keep = excluded.keep, keep_mac = excluded.keep_mac, tries_left = excluded.tries_left, spent = FALSE, expires_at = excluded.expires_at`,
		c.Scope, c.Method, lookup, string(c.Subject.Identity), c.Subject.Address,
		t.lane.db.seal(c.Keep, "challenges", c.Scope+"/"+c.Method), t.lane.db.keepMAC(c), c.Tries, micros(c.Expires))
	return err
}

// spend marks exactly the challenge that was checked; a newer one of the same
// scope and method, a spent or an expired one is a conflict.
func (t *tx) spend(c *countersign.Challenge) error {
	n, err := t.exec(`UPDATE challenges SET spent = TRUE WHERE scope = $1 AND method = $2 AND NOT spent AND expires_at > $3 AND keep_mac = $4`,
		c.Scope, c.Method, micros(t.now), t.lane.db.keepMAC(c))
	if err == nil && n != 1 {
		return conflict("the challenge cannot be spent")
	}
	return err
}

// TakeChallenge takes one try of a challenge that is unspent, unexpired and has
// tries left, and returns it; else ErrNotFound. The try is gone whatever follows.
func (db *DB) TakeChallenge(ctx context.Context, scope, method string) (countersign.Challenge, error) {
	var c countersign.Challenge
	var found bool
	err := db.do(ctx, false, func(t *tx) error {
		found = false
		return t.query(func(r *sql.Rows) (err error) {
			found = true
			c, err = db.scanChallenge(r)
			return err
		}, `UPDATE challenges SET tries_left = tries_left - 1
			WHERE scope = $1 AND method = $2 AND tries_left > 0 AND NOT spent AND expires_at > $3 RETURNING `+challengeColumns,
			scope, method, micros(t.now))
	})
	return found1(c, found, err, "take challenge")
}

// FindChallenge returns the unspent, unexpired challenge that a link's token
// belongs to, by the token's SHA-256; else ErrNotFound. It takes no try.
func (db *DB) FindChallenge(ctx context.Context, lookup []byte) (countersign.Challenge, error) {
	var c countersign.Challenge
	var found bool
	if len(lookup) == 0 { // empty never matches
		return c, countersign.ErrNotFound
	}
	err := db.query(ctx, func(r *sql.Rows) (err error) {
		found = true
		c, err = db.scanChallenge(r)
		return err
	}, `SELECT `+challengeColumns+` FROM challenges WHERE lookup = $1 AND lookup IS NOT NULL AND NOT spent AND tries_left > 0 AND expires_at > $2`,
		lookup, micros(db.now()))
	return found1(c, found, err, "find challenge")
}

func (db *DB) scanChallenge(r *sql.Rows) (c countersign.Challenge, err error) {
	var keep []byte
	var expires int64
	if err = r.Scan(&c.Scope, &c.Method, &c.Lookup, &c.Subject.Identity, &c.Subject.Address, &keep, &c.Tries, &expires); err != nil {
		return c, err
	}
	c.Expires = fromMicros(expires)
	c.Keep, err = db.unseal(keep, "challenges", c.Scope+"/"+c.Method)
	return c, err
}

// found1 turns no row into ErrNotFound and says where an error came from.
func found1[T any](v T, found bool, err error, doing string) (T, error) {
	var none T
	switch {
	case unfit(err), err == nil && !found:
		return none, fmt.Errorf("store: %s: %w", doing, countersign.ErrNotFound)
	case err != nil:
		return none, fmt.Errorf("store: %s: %w", doing, err)
	}
	return v, nil
}
