package code_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// life is how long a code can be used; an attempt lives longer.
const life = 10 * time.Minute

// newMethod returns the method as a server would have it.
func newMethod(now func() time.Time) *code.Method {
	return code.New(code.Options{Key: []byte("key of the test"), Life: life, Tries: 5, Now: now})
}

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db   *store.DB
	at   time.Time
	link bool // answers with the link's token instead of the code
}

func newHouse(t *testing.T, link bool) *house {
	t.Helper()
	h := &house{T: t, link: link, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.at }
	db, err := store.Open(t.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Keys: [][]byte{make([]byte, 32)}, Node: "test", Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.db = db
	m := newMethod(now)
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{m.Name(): m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{m.Name()}}},
		Store:    db, Challenges: db, Counter: db, Life: 3 * life, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for _, who := range []string{refusals.Ada, refusals.Eve} {
		h.apply(&countersign.Change{Identity: &countersign.Identity{
			ID: countersign.IdentityID(ids.New("idn", h.at)), Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"),
			Emails: []countersign.Email{{Address: who, Verified: true, Primary: true}}, CreatedAt: h.at,
		}})
	}
	return h
}

func (h *house) apply(c *countersign.Change) {
	h.Helper()
	c.Events = []countersign.Event{{ID: ids.New("evt", h.at), At: h.at, Action: "test", Outcome: "ok"}}
	if err := h.db.Apply(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

// Begin starts a sign-in and asks for the code. What a disabled person would
// answer is made up, for nothing is mailed then.
func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	h.Pass(time.Second) // letters sort by when they were made
	r, err := h.Start(h.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: who})
	if err != nil {
		h.Fatal(err)
	}
	if _, err := h.Ask(h.Context(), countersign.Caller{}, r.ID, "email_code"); err != nil {
		h.Fatal(err)
	}
	mailed, err := h.db.ClaimMessages(h.Context(), time.Minute, 10)
	if err != nil {
		h.Fatal(err)
	}
	if len(mailed) == 0 {
		return r.ID, shows("code", "00000000")
	}
	m := mailed[len(mailed)-1]
	if len(mailed) != 1 || m.To != who || m.Channel != "email" {
		h.Fatalf("%d letters, the last to %s by %s", len(mailed), m.To, m.Channel)
	}
	if err := h.db.FinishMessage(h.Context(), m.ID, false); err != nil {
		h.Fatal(err)
	}
	if h.link {
		_, token, _ := strings.Cut(m.Data["link"], "token=")
		return r.ID, shows("token", token)
	}
	return r.ID, shows("code", m.Data["code"])
}

func (h *house) Answer(id countersign.AttemptID, answer json.RawMessage) (string, error) {
	r, err := h.Process.Answer(h.Context(), countersign.Caller{}, id, answer)
	return r.Secret, err
}

func (h *house) Disable(who string) {
	h.Helper()
	i, _, err := h.db.FindSubject(h.Context(), "email", who)
	if err != nil {
		h.Fatal(err)
	}
	i.State = countersign.Disabled
	h.apply(&countersign.Change{Identity: &i})
}

func (h *house) Pass(d time.Duration) { h.at = h.at.Add(d) }

// shows is the evidence of a code or of a link's token.
func shows(field, value string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "email_code", field: value})
	return b
}
