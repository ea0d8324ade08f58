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

// life is how long what is sent can be used; an attempt lives longer.
const life = 10 * time.Minute

// way is one of the methods, and which of the things it sends is answered with.
type way struct {
	make  func(code.Options) *code.Method
	field string // "code" or "token"
}

var (
	mailedCode = way{code.New, "code"}
	mailedLink = way{code.New, "token"}
	textedCode = way{code.NewSMS, "code"}
	linkAlone  = way{code.NewLink, "token"}
)

// method returns the method as a server would have it.
func (w way) method(now func() time.Time) *code.Method {
	return w.make(code.Options{Key: []byte("key of the test"), Life: life, Tries: 5, Now: now})
}

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db  *store.DB
	at  time.Time
	way way
	m   *code.Method
}

func newHouse(t *testing.T, w way) *house {
	t.Helper()
	h := &house{T: t, way: w, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
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
	h.db, h.m = db, w.method(now)
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{h.m.Name(): h.m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{h.m.Name()}}},
		Store:    db, Challenges: db, Counter: db, Life: 3 * life, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for who, number := range numbers {
		h.apply(&countersign.Change{Identity: &countersign.Identity{
			ID: countersign.IdentityID(ids.New("idn", h.at)), Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"),
			Emails: []countersign.Email{{Address: who, Verified: true, Primary: true}},
			Phones: []countersign.Phone{{Number: number, Verified: true, Primary: true}}, CreatedAt: h.at,
		}})
	}
	return h
}

// numbers are the telephones of the people of the house.
var numbers = map[string]string{refusals.Ada: "+33612345678", refusals.Eve: "+33612345679"}

func (h *house) apply(c *countersign.Change) {
	h.Helper()
	c.Events = []countersign.Event{{ID: ids.New("evt", h.at), At: h.at, Action: "test", Outcome: "ok"}}
	if err := h.db.Apply(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

// Begin starts a sign-in and asks for the message. That to a disabled person goes
// nowhere; what it says is shown all the same, to be refused.
func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	h.Pass(time.Second) // letters sort by when they were made
	r, err := h.Start(h.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: h.to(who)})
	if err != nil {
		h.Fatal(err)
	}
	if _, err := h.Ask(h.Context(), countersign.Caller{}, r.ID, h.m.Name()); err != nil {
		h.Fatal(err)
	}
	sent, err := h.db.ClaimMessages(h.Context(), time.Minute, 10)
	if err != nil {
		h.Fatal(err)
	}
	if len(sent) != 1 || sent[0].To != h.to(who) || sent[0].Channel != h.m.Channel() && sent[0].Channel != "none" {
		h.Fatalf("%d messages", len(sent))
	}
	m := sent[0]
	if err := h.db.FinishMessage(h.Context(), m.ID, false); err != nil {
		h.Fatal(err)
	}
	if h.way.field == "token" {
		page, token, _ := strings.Cut(m.Data["link"], "?token=")
		if h.m.Name() == "magic_link" && (page != "/magic-link" || m.Template != "magic_link") {
			h.Fatalf("%s leads to %s", m.Template, page)
		}
		return r.ID, shows(h.m.Name(), "token", token)
	}
	return r.ID, shows(h.m.Name(), "code", m.Data["code"])
}

// to is where the method reaches a person.
func (h *house) to(who string) string {
	if h.m.Channel() == "sms" {
		return numbers[who]
	}
	return who
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
func shows(method, field, value string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": method, field: value})
	return b
}
