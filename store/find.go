package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

const identityColumns = `i.id, i.version, i.kind, i.state, i.created_at, i.document`

// identityRow is an identity as it is stored; the columns have the last word.
type identityRow struct {
	id, kind, state, document string
	version, created          int64
}

func (r *identityRow) into() []any {
	return []any{&r.id, &r.version, &r.kind, &r.state, &r.created, &r.document}
}

func (r *identityRow) identity() (i countersign.Identity, err error) {
	if i, err = readIdentity(r.document); err != nil {
		return i, fmt.Errorf("identity %s: %w", r.id, err)
	}
	return r.over(i), nil
}

// over puts the columns over what the document says.
func (r *identityRow) over(i countersign.Identity) countersign.Identity {
	i.ID, i.Kind, i.State = countersign.IdentityID(r.id), countersign.Kind(r.kind), countersign.State(r.state)
	i.Version, i.CreatedAt = r.version, fromMicros(r.created)
	return i
}

const subjectColumns = identityColumns + `, c.id, c.method, c.lookup, c.name, c.data, c.created_at, c.used_at, c.version`

// FindSubject returns the identity that has the verified identifier, and its
// credentials, in one statement; else ErrNotFound. Kind is "email", "username"
// or "phone". A disabled identity is returned: its State says so.
func (db *DB) FindSubject(ctx context.Context, kind, key string) (countersign.Identity, []countersign.Credential, error) {
	if key == "" || strings.ContainsRune(key, 0) {
		return countersign.Identity{}, nil, fmt.Errorf("store: find subject: %w", countersign.ErrNotFound)
	}
	return db.subject(ctx, `SELECT `+subjectColumns+` FROM identifiers k JOIN identities i ON i.id = k.identity LEFT JOIN credentials c ON c.identity = i.id
		WHERE k.kind = $1 AND k.key = $2 AND k.verified`, kind, keyOf(kind, key))
}

// FindHolder is FindSubject by the lookup of a credential, which is unique within its method.
func (db *DB) FindHolder(ctx context.Context, method, lookup string) (countersign.Identity, []countersign.Credential, error) {
	if lookup == "" || strings.ContainsRune(lookup, 0) { // empty never matches
		return countersign.Identity{}, nil, fmt.Errorf("store: find holder: %w", countersign.ErrNotFound)
	}
	return db.subject(ctx, `SELECT `+subjectColumns+` FROM credentials k JOIN identities i ON i.id = k.identity LEFT JOIN credentials c ON c.identity = i.id
		WHERE k.method = $1 AND k.lookup = $2 AND k.lookup <> ''`, method, lookup)
}

// SubjectOf is FindSubject by id.
func (db *DB) SubjectOf(ctx context.Context, id countersign.IdentityID) (countersign.Identity, []countersign.Credential, error) {
	return db.subject(ctx, `SELECT `+subjectColumns+` FROM identities i LEFT JOIN credentials c ON c.identity = i.id WHERE i.id = $1`, string(id))
}

func (db *DB) subject(ctx context.Context, text string, args ...any) (countersign.Identity, []countersign.Credential, error) {
	var i countersign.Identity
	var all []countersign.Credential
	var found bool
	err := db.query(ctx, func(r *sql.Rows) (err error) {
		var row identityRow
		var id, method, lookup, label sql.NullString
		var data []byte
		var created, used, version sql.NullInt64
		if err = r.Scan(append(row.into(), &id, &method, &lookup, &label, &data, &created, &used, &version)...); err != nil {
			return err
		}
		if !found { // the others repeat it
			if i, err = row.identity(); err != nil {
				return err
			}
			found = true
		}
		if !id.Valid {
			return nil
		}
		c := countersign.Credential{ID: countersign.CredentialID(id.String), Identity: i.ID, Method: method.String, Lookup: lookup.String,
			Name: label.String, CreatedAt: fromMicros(created.Int64), UsedAt: fromMicros(used.Int64), Version: version.Int64}
		c.Data, err = db.unseal(data, "credentials", id.String)
		all = append(all, c)
		return err
	}, text, args...)
	i, err = found1(i, found, err, "find subject")
	if err != nil {
		return i, nil, err
	}
	return i, all, nil
}

// FindAttempt returns the attempt as it was stored, expired or not.
func (db *DB) FindAttempt(ctx context.Context, id countersign.AttemptID) (countersign.Attempt, error) {
	var a countersign.Attempt
	var found bool
	err := db.query(ctx, func(r *sql.Rows) error {
		found = true
		var row countersign.Attempt
		var created, expires int64
		var data []byte
		if err := r.Scan(&row.ID, &row.Version, &row.Purpose, &row.State, &row.Identity, &created, &expires, &data); err != nil {
			return err
		}
		whole, err := db.unseal(data, "attempts", string(row.ID))
		if err != nil {
			return err
		}
		if err := jsonx.Unmarshal(whole, &a); err != nil {
			return fmt.Errorf("attempt: %w", err)
		}
		if string(a.Metadata) == "null" {
			a.Metadata = nil
		}
		a.ID, a.Version, a.Purpose, a.State, a.Identity = row.ID, row.Version, row.Purpose, row.State, row.Identity
		a.CreatedAt, a.Expires = fromMicros(created), fromMicros(expires)
		return nil
	}, `SELECT id, version, purpose, state, identity, created_at, expires_at, data FROM attempts WHERE id = $1`, string(id))
	return found1(a, found, err, "find attempt")
}
