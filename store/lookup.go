package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign-id/countersign"
)

// lines is how many values sessionText answers with, the document last.
const lines = 14

// sessionText finds a live session and its active identity. Their columns come as
// one text of a line each: a driver asks and converts column by column, which
// costs more than finding the row. No value but the document could hold a line break.
const sessionText = `SELECT concat_ws('` + "\n" + `', s.id, s.assurance, s.methods, s.authenticated_at, s.last_proved_at, s.last_seen_at,
		s.expires_at, s.idle_expires_at, s.device, i.id, i.version, i.kind, i.created_at, i.document)
	FROM sessions s JOIN identities i ON i.id = s.identity
	WHERE s.hash = $1 AND s.expires_at > $2 AND s.idle_expires_at > $2 AND i.state = 'active'`

// FindSession returns the live session of that hash with its active identity, in
// one look-up; ErrNotFound when it has ended, expired or its identity is disabled.
func (db *DB) FindSession(ctx context.Context, hash [32]byte) (s countersign.Session, i countersign.Identity, err error) {
	text, found, err := db.sessionLines(ctx, hash)
	if text, err = found1(text, found, err, "find session"); err != nil {
		return s, i, err
	}
	s, i, err = readSession(text)
	if err != nil {
		return countersign.Session{}, countersign.Identity{}, fmt.Errorf("store: find session: %w", err)
	}
	s.Hash = hash
	return s, i, nil
}

func (db *DB) sessionLines(ctx context.Context, hash [32]byte) (text string, found bool, err error) {
	now := micros(db.now())
	if db.lookups == nil {
		err = db.query(ctx, func(r *sql.Rows) error { found = true; return r.Scan(&text) }, sessionText, hash[:], now)
		return text, found, err
	}
	if err := cmp.Or(db.unready(), ctx.Err()); err != nil {
		return "", false, err
	}
	db.stmts.Add(1)
	if text, found, err = db.lookups.find(hash, now); err != nil {
		err = cmp.Or(db.inPlace(), err) // what a file in its place says is not about us
	}
	return text, found, db.fault(err)
}

// readSession reads what sessionText answered. All strings share its memory.
func readSession(text string) (s countersign.Session, i countersign.Identity, err error) {
	var v [lines]string
	for n := range v {
		var more bool
		if v[n], text, more = strings.Cut(text, "\n"); more != (n < lines-1) {
			return s, i, errors.New("the columns of a session are not as many as they should be")
		}
	}
	number := func(text string) int64 {
		n, bad := strconv.ParseInt(text, 10, 64)
		err = cmp.Or(err, bad)
		return n
	}
	s.ID, s.Identity, s.Assurance = countersign.SessionID(v[0]), countersign.IdentityID(v[9]), countersign.Assurance(number(v[1]))
	s.AuthenticatedAt, s.LastProvedAt, s.LastSeenAt = fromMicros(number(v[3])), fromMicros(number(v[4])), fromMicros(number(v[5]))
	s.ExpiresAt, s.IdleExpiresAt = fromMicros(number(v[6])), fromMicros(number(v[7]))
	version, created := number(v[10]), number(v[12])
	if err != nil {
		return s, i, err
	}
	if s.Methods, s.Device, err = readPass(v[2], v[8]); err != nil {
		return s, i, err
	}
	row := identityRow{id: v[9], kind: v[11], state: string(countersign.Active), document: v[13], version: version, created: created}
	if i, ok := ownIdentity(row.document); ok {
		return s, row.over(i), nil
	}
	i, err = row.identity()
	return s, i, err
}
