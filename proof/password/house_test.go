package password_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/password"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// life is how long an attempt waits for its answer.
const life = 30 * time.Minute

// cheap parameters make a hash in microseconds; what they are is calibration's affair.
var cheap = argon.Params{MemoryKiB: 64, Time: 1, Threads: 1}

// secrets are what each person of the house knows.
var secrets = map[string]string{refusals.Ada: "a lantern over quiet water", refusals.Eve: "gravel under the old pier"}

// newMethod returns the method as a server would have it, with changes.
func newMethod(t *testing.T, change func(*password.Options)) *password.Method {
	t.Helper()
	g, err := gate.New(gate.Options{Slots: 2, Queue: 10, Wait: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := password.Options{Params: cheap, Gate: g, Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }}
	change(&o)
	if o.Arenas == nil {
		o.Arenas = argon.NewArenas(2, o.Params, time.Minute)
	}
	m, err := password.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db *store.DB
	at time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
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
	m := newMethod(t, func(o *password.Options) { o.Now = now })
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{m.Name(): m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{m.Name()}}},
		Store:    db, Challenges: db, Counter: db, Life: life, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for who, secret := range secrets {
		id := countersign.IdentityID(ids.New("idn", h.at))
		made := enrolled(t, m, countersign.Subject{Identity: id}, secret)
		made.ID = countersign.CredentialID(ids.New("crd", h.at))
		h.apply(&countersign.Change{Credentials: []countersign.Credential{made}, Identity: &countersign.Identity{
			ID: id, Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"), CreatedAt: h.at,
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

func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	r, err := h.Start(h.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: who})
	if err != nil {
		h.Fatal(err)
	}
	return r.ID, shows(secrets[who])
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

// shows is the evidence for a password.
func shows(text string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "password", "password": text})
	return b
}

// enrolled sets a password up, with an id as a process gives it.
func enrolled(t *testing.T, m *password.Method, s countersign.Subject, text string) countersign.Credential {
	t.Helper()
	made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: shows(text)})
	if err != nil {
		t.Fatal(err)
	}
	made.ID = "crd_1"
	return made
}
