package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/audit"
	"github.com/countersign-id/countersign/store"
)

// everyMethod calls each method, and each form of it that has a text of its own.
func (w *world) everyMethod() {
	w.Helper()
	ctx := w.Context()
	i := w.person("ada@example.com")
	s := w.session(i.ID)
	a := &countersign.Attempt{ID: "att_1", Expires: start.Add(time.Hour)}
	c := &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte("k"), Lookup: []byte("l"), Tries: 2, Expires: start.Add(time.Hour)}
	w.must(w.apply(countersign.Change{Attempt: a, Challenge: c, Session: s, Credentials: []countersign.Credential{{ID: "crd_1", Identity: i.ID, Method: "m"}},
		Send: []countersign.Message{{ID: "msg_1", Channel: "email"}, {ID: "msg_2", Channel: "email"}, {ID: "msg_3", Channel: "email"}}}))
	_, err := w.db.TakeChallenge(ctx, "s", "m")
	w.must(err)
	_, err = w.db.FindChallenge(ctx, c.Lookup)
	w.must(err)
	i.Flags, i.Roles = []string{"f"}, []string{"r"}
	w.must(w.apply(countersign.Change{Identity: i, Attempt: a, Spend: c, Clear: []string{"a"}, Revoke: []countersign.CredentialID{"crd_1"},
		End: []countersign.End{{Identity: i.ID, Session: "ses_x"}, {Identity: i.ID, Except: s.ID}}}))
	_, _, err = w.db.FindSubject(ctx, "email", "ada@example.com")
	w.must(err)
	_, err = w.db.FindAttempt(ctx, a.ID)
	w.must(err)
	_, _, err = w.db.FindSession(ctx, s.Hash)
	w.must(err)
	_, err = w.db.ListSessions(ctx, i.ID, "", 0)
	w.must(err)
	w.must(w.db.TouchSessions(ctx, []countersign.Session{*s}))
	_, err = w.db.Changes(ctx, start)
	w.must(err)
	w.count(2, countersign.Budget{Key: "a", Max: 5, Per: time.Hour}, countersign.Budget{Key: "b", Max: 1, Per: time.Hour})
	for _, f := range []countersign.IdentityFilter{{}, {Flag: "f"}, {Role: "r"}, {Flag: "f", Role: "r"}, {Kind: "service"}, {Kind: "guest"}, {State: "disabled"}, {Prefix: "ada"}, {Prefix: "ada", Flag: "f"}} {
		_, err = w.db.ListIdentities(ctx, f, "", 0)
		w.must(err)
	}
	for _, f := range []countersign.EventFilter{{}, {Subject: i.ID}, {Action: "test"}, {Subject: i.ID, Action: "test"}} {
		_, err = w.db.ListEvents(ctx, f, "evt_9", 0)
		w.must(err)
	}
	w.claim()
	w.must(w.db.FinishMessage(ctx, "msg_1", true))
	w.must(w.db.FinishMessage(ctx, "msg_2", false))
	w.must(w.db.RetryMessage(ctx, "msg_3", start, "", false))
	_, err = w.db.Inbox(ctx, 0)
	w.must(err)
	_, _, err = w.db.Backlog(ctx)
	w.must(err)
	for range 2 {
		_, _, err = w.db.ReserveReply(ctx, "k", nil, time.Hour)
		w.must(err)
	}
	w.must(w.db.KeepReply(ctx, "k", nil))
	w.must(w.db.Checkpoint(ctx))
	w.forward(2 * time.Minute)
	w.must(w.db.Checkpoint(ctx))
	_, err = audit.Verify(ctx, w.db, w.db.ChainKey())
	w.must(err)
	_, err = w.db.Sweep(ctx, 10)
	w.must(err)
	w.must(w.apply(countersign.Change{Remove: i.ID}))
}

// fill gives each table enough rows that a plan which reads them all would be a bad one.
var fill = []string{
	`INSERT INTO identities SELECT 'idn_f' || i, 1, CASE WHEN i % 500 = 0 THEN 'service' WHEN i % 500 = 1 THEN 'guest' ELSE 'person' END, CASE WHEN i % 500 = 2 THEN 'disabled' ELSE 'active' END, i, '{}' FROM g`,
	`INSERT INTO identifiers SELECT CASE WHEN i % 2 = 0 THEN 'email' ELSE 'username' END, 'u' || i, 'idn_f' || i, TRUE FROM g`,
	`INSERT INTO labels SELECT CASE WHEN i % 2 = 0 THEN 'flag' ELSE 'role' END, 'l' || (i % 200), 'idn_f' || i FROM g`,
	`INSERT INTO credentials SELECT 'crd_f' || i, 'idn_f' || i, 'm', 'k' || i, '', B, i, 0, 1 FROM g`,
	`INSERT INTO attempts SELECT 'att_f' || i, 1, '', '', 'idn_f' || i, i, 1800000000000000 + i, B FROM g`,
	`INSERT INTO challenges SELECT 's' || i, 'm', H, 'idn_f' || i, '', B, B, 1, FALSE, 1800000000000000 + i FROM g`,
	`INSERT INTO sessions SELECT H, 'ses_f' || i, 'idn_f' || i, 1, '[]', i, i, i, 1800000000000000 + i, 1800000000000000 + i, '{}' FROM g`,
	`INSERT INTO changes SELECT 'c' || (i % 7), i, 1700000000000000 + i, '', '' FROM g`,
	`INSERT INTO events SELECT 'c' || (i % 7), i, 'evt_f' || i, i, 'a' || (i % 50), '', 'idn_f' || i, '', '{}', B FROM g`,
	`INSERT INTO chains SELECT 'c' || i, '', 1, B, i, B FROM g`,
	`INSERT INTO outbox SELECT 'msg_f' || i, 'email', CASE WHEN i % 500 = 0 THEN 'waiting' WHEN i % 500 = 1 THEN 'dead' ELSE 'done' END, i, 0, 0, 0, '', NULL FROM g`,
	`INSERT INTO budgets SELECT 'k' || i, 0, 0, 0, 1800000000000000 + i, 0, 1, 1, 1 FROM g`,
	`INSERT INTO replies SELECT 'k' || i, B, 'kept', B, i, 1800000000000000 + i FROM g`,
}

func (w *world) fill(raw *sql.DB, lite bool) {
	w.Helper()
	for _, text := range fill {
		b, h := `'\x00'::bytea`, `decode(md5(i::text), 'hex')`
		if lite {
			b, h = `x'00'`, `CAST(printf('%032d', i) AS BLOB)`
		}
		text = regexp.MustCompile(`\bB\b`).ReplaceAllString(regexp.MustCompile(`\bH\b`).ReplaceAllString(text, "\x01"), b)
		text = strings.ReplaceAll(text, "\x01", h)
		head, rest, _ := strings.Cut(text, " SELECT ")
		_, err := raw.ExecContext(w.Context(), head+` WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 10000) SELECT `+rest)
		if err != nil {
			w.Fatalf("%s: %v", text, err)
		}
	}
	_, err := raw.ExecContext(w.Context(), `ANALYZE`)
	w.must(err)
}

// Every statement that any method runs must find its rows by an index.
func TestEveryStatementUsesAnIndex(t *testing.T) {
	everywhere(t, func(w *world) {
		w.everyMethod()
		texts := store.Texts(w.db)
		if len(texts) < 60 {
			t.Fatalf("only %d statements were seen", len(texts))
		}
		lite := strings.HasPrefix(w.url, "sqlite:")
		raw := w.raw()
		w.fill(raw, lite)
		conn, err := raw.Conn(w.Context())
		w.must(err)
		defer conn.Close()
		for n, text := range texts {
			verb, _, _ := strings.Cut(text, " ")
			if !strings.Contains("SELECT UPDATE DELETE INSERT", verb) || strings.Contains(text, "FROM goose_db_version") {
				continue
			}
			plan := w.plan(conn, n, text, lite)
			for _, line := range plan {
				if scansAll(line) && !pageOfEverything(text) {
					t.Errorf("%s\n\t%s", text, strings.Join(plan, "\n\t"))
				}
			}
		}
	})
}

// scansAll reports a line of a plan that reads a whole table or index. What the
// statement itself brings or has just found (VALUES, subqueries) may be read whole.
func scansAll(line string) bool {
	what, scan := strings.CutPrefix(strings.TrimSpace(line), "SCAN ")
	switch {
	case !scan:
		return strings.Contains(line, "Seq Scan")
	case strings.HasSuffix(what, "VALUES CLAUSE"), what == "CONSTANT ROW", what == "x", what == "k", what == "email", what == "username", strings.HasPrefix(what, "("):
		return false
	}
	return true
}

// pageOfEverything names the one list that reads in the order of an index and stops at its limit.
func pageOfEverything(text string) bool {
	return strings.Contains(text, "FROM events ORDER BY id DESC LIMIT")
}

var parameter = regexp.MustCompile(`\$\d+`)

func (w *world) plan(conn *sql.Conn, n int, text string, lite bool) (plan []string) {
	w.Helper()
	ctx := context.Background()
	count := 0
	for _, p := range parameter.FindAllString(text, -1) {
		var k int
		fmt.Sscanf(p, "$%d", &k)
		count = max(count, k)
	}
	query := "EXPLAIN QUERY PLAN " + text
	args := make([]any, count)
	if !lite {
		// A generic plan: the one for values that are not known.
		_, err := conn.ExecContext(ctx, fmt.Sprintf(`SET plan_cache_mode = force_generic_plan; PREPARE p%d AS %s`, n, text))
		if err != nil {
			w.Fatalf("%s: %v", text, err)
		}
		query, args = fmt.Sprintf(`EXPLAIN EXECUTE p%d`, n), nil
		if count > 0 {
			query += "(" + strings.TrimSuffix(strings.Repeat("NULL,", count), ",") + ")"
		}
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		w.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b, c any
		var line string
		if lite {
			err = rows.Scan(&a, &b, &c, &line)
		} else {
			err = rows.Scan(&line)
		}
		w.must(err)
		plan = append(plan, line)
	}
	w.must(rows.Err())
	return plan
}
