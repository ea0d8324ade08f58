package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-id/countersign"
)

// clause collects conditions and their parameters. Only fixed texts go into it,
// so the number of statements is bounded by the combinations of filters.
type clause struct {
	conds []string
	args  []any
}

func (c *clause) param(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *clause) and(cond string) { c.conds = append(c.conds, cond) }

func (c *clause) where() string {
	if len(c.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.conds, " AND ")
}

// ListIdentities returns identities in the order of their ids, after the one named.
func (db *DB) ListIdentities(ctx context.Context, f countersign.IdentityFilter, after countersign.IdentityID, limit int) ([]countersign.Identity, error) {
	text, args, err := identitiesText(f, after, limit)
	if err != nil {
		return nil, err
	}
	var out []countersign.Identity
	err = db.query(ctx, func(r *sql.Rows) error {
		var row identityRow
		if err := r.Scan(row.into()...); err != nil {
			return err
		}
		i, err := row.identity()
		out = append(out, i)
		return err
	}, text, args...)
	if unfit(err) {
		return nil, nil // nothing has such a label or name
	}
	if err != nil {
		return nil, fmt.Errorf("store: list identities: %w", err)
	}
	return out, nil
}

// identitiesText starts from the names or the label that were asked for, where
// there is one, else from ids. Unusual states and kinds are literals, so that their
// partial indexes are used. CROSS JOIN has SQLite keep the order of the tables.
func identitiesText(f countersign.IdentityFilter, after countersign.IdentityID, limit int) (string, []any, error) {
	var c clause
	from, order := `identities i`, `i.id`
	first := c.param(string(after))
	if f.Prefix != "" {
		from, order = c.named(f.Prefix)+` k CROSS JOIN identities i`, `k.identity`
		c.and(`i.id = k.identity`)
	}
	for _, l := range [...]struct{ kind, name string }{{"flag", f.Flag}, {"role", f.Role}} {
		switch {
		case l.name == "":
		case order == `i.id`:
			from, order = `labels l CROSS JOIN identities i`, `l.identity`
			c.and(`l.kind = '` + l.kind + `' AND l.name = ` + c.param(l.name) + ` AND i.id = l.identity`)
		default:
			c.and(`EXISTS (SELECT 1 FROM labels o WHERE o.kind = '` + l.kind + `' AND o.name = ` + c.param(l.name) + ` AND o.identity = i.id)`)
		}
	}
	switch f.Kind {
	case "":
	case countersign.Person, countersign.Service, countersign.Guest:
		c.and(`i.kind = '` + string(f.Kind) + `'`)
	default:
		return "", nil, countersign.Invalid("kind", "unknown", "person, service or guest")
	}
	switch f.State {
	case "":
	case countersign.Active, countersign.Disabled:
		c.and(`i.state = '` + string(f.State) + `'`)
	default:
		return "", nil, countersign.Invalid("state", "unknown", "active or disabled")
	}
	c.and(order + ` > ` + first)
	return `SELECT ` + identityColumns + ` FROM ` + from + c.where() + ` ORDER BY ` + order + ` LIMIT ` + c.param(page(limit)), c.args, nil
}

// named is a table of the identities that have a name of that prefix. It is cut, so
// that a prefix of one letter does not read a hundred million names.
func (c *clause) named(prefix string) string {
	low := strings.ToLower(prefix)
	from, to := c.param(low), c.param(low+"\U0010FFFF")
	half := func(kind string) string {
		return `SELECT identity FROM (SELECT identity FROM identifiers WHERE kind = '` + kind + `' AND verified AND key >= ` + from + ` AND key < ` + to + ` ORDER BY key LIMIT 10000) AS ` + kind
	}
	return `(` + half(byEmail) + ` UNION ` + half(byUsername) + `)`
}

// ListEvents returns events newest first, before the one named (empty: from the newest).
func (db *DB) ListEvents(ctx context.Context, f countersign.EventFilter, before string, limit int) ([]countersign.Event, error) {
	text, args := eventsText(f, before, limit)
	var out []countersign.Event
	err := db.query(ctx, func(r *sql.Rows) error {
		_, e, _, err := scanEvent(r)
		out = append(out, e)
		return err
	}, text, args...)
	if unfit(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: list events: %w", err)
	}
	return out, nil
}

// frequent are the actions that happen all the time: the newest of them are found
// soon by walking back through the log, so they are not worth an index. The rest
// have one, which a query reaches by saying rare as the index does.
var frequent = [...]string{"attempt.started", "challenge.sent", "proof.given", "proof.refused", "session.opened"}

const rare = `action NOT IN ('attempt.started', 'challenge.sent', 'proof.given', 'proof.refused', 'session.opened')`

func eventsText(f countersign.EventFilter, before string, limit int) (string, []any) {
	var c clause
	if f.Subject != "" {
		c.and(`subject <> '' AND subject = ` + c.param(string(f.Subject)))
	}
	if f.Action != "" {
		c.and(`action = ` + c.param(f.Action))
		if !slices.Contains(frequent[:], f.Action) {
			c.and(rare)
		}
	}
	if before != "" {
		c.and(`id < ` + c.param(before))
	}
	return `SELECT ` + eventColumns + ` FROM events` + c.where() + ` ORDER BY id DESC LIMIT ` + c.param(page(limit)), c.args
}

const eventColumns = `n, id, at, action, outcome, subject, actor, document, hash`

// scanEvent reads a record. Where the document is not exactly what the store
// writes, sound is false: somebody else has been there.
func scanEvent(r *sql.Rows) (n int64, e countersign.Event, rest eventRest, err error) {
	var doc string
	var row countersign.Event
	var at int64
	if err = r.Scan(&n, &row.ID, &at, &row.Action, &row.Outcome, &row.Subject, &row.Actor, &doc, &rest.hash); err != nil {
		return n, e, rest, err
	}
	var d document
	if json.Unmarshal([]byte(doc), &d) == nil {
		again, err := json.Marshal(d)
		rest.sound = err == nil && string(again) == doc
	}
	e = d.Event
	e.ID, e.Action, e.Outcome, e.Subject, e.Actor, e.At = row.ID, row.Action, row.Outcome, row.Subject, row.Actor, fromMicros(at)
	return n, e, rest, nil
}

type eventRest struct {
	hash  []byte
	sound bool
}
