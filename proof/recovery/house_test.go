package recovery_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// life is how long an attempt waits for its code; a code itself does not age.
const life = 30 * time.Minute

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db    *store.DB
	at    time.Time
	m     *recovery.Method
	codes map[string][]string // what each person has left on paper
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, at: noon(), codes: map[string][]string{}}
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
	h.db, h.m = db, recovery.New(recovery.Options{Now: now})
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{h.m.Name(): h.m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{h.m.Name()}}},
		Store:    db, Challenges: db, Counter: db, Life: life, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for _, who := range []string{refusals.Ada, refusals.Eve} {
		h.apply(&countersign.Change{Identity: &countersign.Identity{
			ID: countersign.IdentityID(ids.New("idn", h.at)), Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"), CreatedAt: h.at,
			Emails: []countersign.Email{{Address: who, Verified: true, Primary: true}},
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

// print gives a person a new set, in the place of the old one.
func (h *house) print(who string) {
	h.Helper()
	h.Pass(time.Second)
	i, have, err := h.db.FindSubject(h.Context(), "email", who)
	if err != nil {
		h.Fatal(err)
	}
	made, codes := enrolled(h.T, h.m, countersign.Subject{Identity: i.ID, Address: who})
	made.ID = countersign.CredentialID(ids.New("crd", h.at))
	c := &countersign.Change{Credentials: []countersign.Credential{made}}
	for _, old := range have {
		c.Revoke = append(c.Revoke, old.ID)
	}
	h.apply(c)
	h.codes[who] = codes
}

// Begin starts a sign-in and crosses a code off the list.
func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	if len(h.codes[who]) == 0 {
		h.print(who)
	}
	r, err := h.Start(h.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: who})
	if err != nil {
		h.Fatal(err)
	}
	code := h.codes[who][0]
	h.codes[who] = h.codes[who][1:]
	return r.ID, shows(code)
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

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newMethod() *recovery.Method { return recovery.New(recovery.Options{Now: noon}) }

// shows is the evidence of a code.
func shows(code string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "recovery_code", "code": code})
	return b
}

// prepare makes a set, and reads what is shown of it.
func prepare(t testing.TB, m *recovery.Method, s countersign.Subject) (countersign.Challenge, []string) {
	t.Helper()
	c, err := m.Prepare(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var show struct {
		Codes []string `json:"codes"`
	}
	if err := json.Unmarshal(c.Show, &show); err != nil {
		t.Fatal(err)
	}
	return c, show.Codes
}

var nothing = json.RawMessage(`{"method":"recovery_code"}`)

func enrolled(t testing.TB, m *recovery.Method, s countersign.Subject) (countersign.Credential, []string) {
	t.Helper()
	c, codes := prepare(t, m, s)
	made, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: c.Keep, Answer: nothing})
	if err != nil {
		t.Fatal(err)
	}
	made.ID = "crd_1"
	return made, codes
}

// TestOneCodeShownManyTimesAtOnceProvesOnce leans on the credential's version:
// each of the many is checked against the same stored set.
func TestOneCodeShownManyTimesAtOnceProvesOnce(t *testing.T) {
	h := newHouse(t)
	const many = 20
	var attempts []countersign.AttemptID
	var right json.RawMessage
	for range many {
		h.codes[refusals.Ada] = nil // each time a new set: the last one counts
		id, code := h.Begin(refusals.Ada)
		attempts, right = append(attempts, id), code
	}
	opened := make(chan bool, many)
	for _, id := range attempts {
		go func() {
			token, err := h.Answer(id, right)
			if err != nil && !errors.Is(err, countersign.ErrNoMatch) {
				t.Errorf("too late is called %v", err)
			}
			opened <- token != ""
		}()
	}
	n := 0
	for range many {
		if <-opened {
			n++
		}
	}
	if n != 1 {
		t.Errorf("one code opened %d sessions", n)
	}
}
