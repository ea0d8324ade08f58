package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-id/countersign"
)

// Apply writes the change in one transaction, all of it or nothing, and sets the
// new versions. Errors: ErrConflict when a version has moved on or a challenge
// cannot be spent, ErrTaken when an address or username is another identity's.
func (db *DB) Apply(ctx context.Context, c *countersign.Change) error {
	if len(c.Events) == 0 {
		return errors.New("store: a change without an event: no record, no pass")
	}
	session, bad := sessionRow(c.Session)
	events, err := records(c.Events)
	if err = errors.Join(bad, err); err != nil {
		return err
	}
	if err := db.do(ctx, false, func(t *tx) error { return t.apply(prepared{c, session, events}) }); err != nil {
		return err
	}
	if c.Attempt != nil {
		c.Attempt.Version++
	}
	if c.Identity != nil {
		c.Identity.Version++
	}
	return nil
}

// prepared is a change with what can be encoded before a lane has it: everybody
// waits for the lane.
type prepared struct {
	*countersign.Change
	session []any // the row of its Session
	records []record
}

// apply runs the parts in the order that change.go promises: conditions first,
// so that a change that loses a race has done little.
func (t *tx) apply(c prepared) error {
	var feed []countersign.Noted
	for _, step := range []struct {
		wanted bool
		write  func() error
	}{
		{c.Still != nil && (c.Session == nil || len(c.Credentials) > 0 || len(c.End) > 0), func() error { return t.hold(c.Still) }},
		{c.Replaces != "", func() error { return t.replace(c.Replaces) }},
		{c.Attempt != nil, func() error { return t.putAttempt(c.Attempt) }},
		{c.Spend != nil, func() error { return t.spend(c.Spend) }},
		{c.Identity != nil, func() error { return t.putIdentity(c.Identity, &feed) }},
		{c.Remove != "", func() error { return t.remove(c.Remove, &feed) }},
		{c.Holder != "", func() error { return t.holder(c.Holder) }},
		{len(c.Credentials) > 0, func() error { return t.putCredentials(c.Credentials) }},
		{len(c.Refresh) > 0, func() error { return t.refresh(c.Refresh) }},
		{len(c.Revoke) > 0, func() error { return t.revoke(c.Revoke) }},
		{len(c.End) > 0, func() error { return t.end(c.End, &feed) }},
		{c.Identity != nil || c.Remove != "" || len(c.End) > 0, func() error { return t.note(feed) }},
		{c.Session != nil, func() error { return t.openSession(c.session, c.Still) }},
		{c.Challenge != nil, func() error { return t.putChallenge(c.Challenge) }},
		{len(c.Send) > 0, func() error { return t.post(c.Send) }},
		{len(c.Clear) > 0, func() error { return t.clear(c.Clear) }},
		{true, func() error { return t.record(c.records) }},
	} {
		if !step.wanted {
			continue
		}
		if err := step.write(); err != nil {
			return named(err)
		}
	}
	return nil
}

// named gives the database's refusals the words of the contract.
func named(err error) error {
	switch {
	case errors.Is(err, countersign.ErrTaken), errors.Is(err, countersign.ErrConflict), errors.Is(err, countersign.ErrNotFound):
		return err
	case twice(err):
		return fmt.Errorf("store: apply: there already: %w", countersign.ErrConflict)
	case orphan(err):
		return fmt.Errorf("store: apply: the identity is gone: %w", countersign.ErrConflict)
	case unfit(err):
		return fmt.Errorf("store: apply: text with NUL or broken UTF-8: %w", countersign.ErrMalformed)
	}
	return fmt.Errorf("store: apply: %w", err)
}

func conflict(what string) error {
	return fmt.Errorf("store: apply: %s: %w", what, countersign.ErrConflict)
}

// hold makes sure that the identity is as it was read, and stays so until the
// commit: whoever changes it waits, and then finds what this change has written.
// A session that is opened without anything else does it in its own statement.
func (t *tx) hold(i *countersign.Identity) error {
	there := false
	err := t.query(func(*sql.Rows) error { there = true; return nil },
		`SELECT id FROM identities WHERE id = $1 AND version = $2 AND state = 'active'`+t.lane.db.d.pick(``, ` FOR SHARE`), string(i.ID), i.Version)
	if err == nil && !there {
		return conflict("the identity has moved on")
	}
	return err
}

// holder makes sure that somebody active has the role. On PostgreSQL those who may
// take it from the last ones wait for each other, and see what was committed.
func (t *tx) holder(role string) error {
	if !t.lane.db.d.lite {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock(hashtext('countersign holder ' || $1))`, role); err != nil {
			return err
		}
	}
	there := false
	err := t.query(func(*sql.Rows) error { there = true; return nil },
		`SELECT i.id FROM labels l JOIN identities i ON i.id = l.identity WHERE l.kind = 'role' AND l.name = $1 AND i.state = 'active' LIMIT 1`, role)
	if err == nil && !there {
		return conflict("nobody would have the role")
	}
	return err
}

// replace ends an open attempt, whose place another one takes.
func (t *tx) replace(id countersign.AttemptID) error {
	n, err := t.exec(`UPDATE attempts SET version = version + 1, state = $1 WHERE id = $2 AND state = $3`,
		string(countersign.Failed), string(id), string(countersign.NeedsEvidence))
	if err == nil && n == 0 {
		return conflict("the attempt has moved on")
	}
	return err
}

func (t *tx) putAttempt(a *countersign.Attempt) error {
	whole, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("attempt: %w", err)
	}
	data := t.lane.db.seal(whole, "attempts", string(a.ID))
	if a.Version == 0 {
		_, err = t.exec(`INSERT INTO attempts (id, version, purpose, state, identity, created_at, expires_at, data) VALUES ($1, 1, $2, $3, $4, $5, $6, $7)`,
			string(a.ID), string(a.Purpose), string(a.State), string(a.Identity), micros(a.CreatedAt), micros(a.Expires), data)
		return err
	}
	n, err := t.exec(`UPDATE attempts SET version = version + 1, purpose = $1, state = $2, identity = $3, created_at = $4, expires_at = $5, data = $6
		WHERE id = $7 AND version = $8`,
		string(a.Purpose), string(a.State), string(a.Identity), micros(a.CreatedAt), micros(a.Expires), data, string(a.ID), a.Version)
	if err == nil && n == 0 {
		return conflict("the attempt has moved on")
	}
	return err
}

func (t *tx) putIdentity(i *countersign.Identity, feed *[]countersign.Noted) error {
	doc, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	if i.Version == 0 {
		_, err = t.exec(`INSERT INTO identities (id, version, kind, state, created_at, document) VALUES ($1, 1, $2, $3, $4, $5)`,
			string(i.ID), string(i.Kind), string(i.State), micros(i.CreatedAt), string(doc))
		if err != nil {
			return err
		}
	} else {
		n, err := t.exec(`UPDATE identities SET version = version + 1, kind = $1, state = $2, created_at = $3, document = $4 WHERE id = $5 AND version = $6`,
			string(i.Kind), string(i.State), micros(i.CreatedAt), string(doc), string(i.ID), i.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the identity has moved on")
		}
		for _, text := range []string{`DELETE FROM identifiers WHERE identity = $1`, `DELETE FROM labels WHERE identity = $1`} {
			if _, err := t.exec(text, string(i.ID)); err != nil {
				return err
			}
		}
		*feed = append(*feed, countersign.Noted{Identity: i.ID})
	}
	if err := t.putNames(i); err != nil {
		return err
	}
	return t.putLabels(i)
}

// remove deletes an identity; what refers to it goes with it, and so do the
// attempts and challenges about it. Its events stay.
func (t *tx) remove(id countersign.IdentityID, feed *[]countersign.Noted) error {
	if id == "" {
		return nil
	}
	n, err := t.exec(`DELETE FROM identities WHERE id = $1`, string(id))
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("store: remove: %w", countersign.ErrNotFound)
	}
	for _, text := range []string{`DELETE FROM attempts WHERE identity = $1 AND identity <> ''`, `DELETE FROM challenges WHERE identity = $1 AND identity <> ''`} {
		if _, err := t.exec(text, string(id)); err != nil {
			return err
		}
	}
	*feed = append(*feed, countersign.Noted{Identity: id})
	return nil
}

// putCredentials adds those without a version and replaces the others where theirs
// is still the stored one: of two that use up the same step or code one is too late,
// and one that was removed meanwhile does not come back.
func (t *tx) putCredentials(all []countersign.Credential) error {
	for _, c := range all {
		data := t.lane.db.seal(c.Data, "credentials", string(c.ID))
		if c.Version == 0 {
			if _, err := t.exec(`INSERT INTO credentials (id, identity, method, lookup, name, data, created_at, used_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)`,
				string(c.ID), string(c.Identity), c.Method, c.Lookup, c.Name, data, micros(c.CreatedAt), micros(c.UsedAt)); err != nil {
				return err
			}
			continue
		}
		n, err := t.replaceCredential(c, data)
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the credential has moved on")
		}
	}
	return nil
}

// refresh is for what is no loss when somebody else was faster.
func (t *tx) refresh(all []countersign.Credential) error {
	for _, c := range all {
		if _, err := t.replaceCredential(c, t.lane.db.seal(c.Data, "credentials", string(c.ID))); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) replaceCredential(c countersign.Credential, data []byte) (int64, error) {
	return t.exec(`UPDATE credentials SET lookup = $1, name = $2, data = $3, created_at = $4, used_at = $5, version = version + 1
		WHERE id = $6 AND identity = $7 AND method = $8 AND version = $9`,
		c.Lookup, c.Name, data, micros(c.CreatedAt), micros(c.UsedAt), string(c.ID), string(c.Identity), c.Method, c.Version)
}

func (t *tx) revoke(ids []countersign.CredentialID) error {
	for chunk := range slices.Chunk(ids, maxRows) {
		if _, err := t.exec(`DELETE FROM credentials WHERE id IN (`+list(1, len(chunk))+`)`, anys(chunk)...); err != nil {
			return err
		}
	}
	return nil
}

func anys[S ~string](all []S) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return out
}
