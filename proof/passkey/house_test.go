package passkey_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/passkey"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// life is how long a challenge can be answered; an attempt lives longer.
const life = 5 * time.Minute

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db       *store.DB
	at       time.Time
	devices  map[string]*device
	nameless bool // nobody is named before the passkey names its owner
	counter  uint32
}

func newHouse(t *testing.T, nameless bool) *house {
	t.Helper()
	h := &house{T: t, at: noon(), devices: map[string]*device{}, nameless: nameless}
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
	m := newMethod(t, func(o *passkey.Options) { o.Now = now })
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{m.Name(): m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{m.Name()}}},
		Store:    db, Holders: db, Challenges: db, Counter: db, Life: 3 * life, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for _, who := range []string{refusals.Ada, refusals.Eve} {
		s := countersign.Subject{Identity: countersign.IdentityID(ids.New("idn", h.at)), Address: who}
		h.devices[who] = newDevice(t, -7)
		made := enrolled(t, m, &s, h.devices[who])
		made.ID = countersign.CredentialID(ids.New("crd", h.at))
		h.apply(&countersign.Change{Credentials: []countersign.Credential{made}, Identity: &countersign.Identity{
			ID: s.Identity, Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"), CreatedAt: h.at,
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

// Begin starts a sign-in, asks, and has the person's device answer.
func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	in := login.Start{Purpose: countersign.SignIn, Identifier: who}
	if h.nameless {
		in.Identifier = ""
	}
	r, err := h.Start(h.Context(), countersign.Caller{}, in)
	if err != nil {
		h.Fatal(err)
	}
	asked, err := h.Ask(h.Context(), countersign.Caller{}, r.ID, "passkey")
	if err != nil {
		h.Fatal(err)
	}
	h.counter++
	c := ceremony{kind: "webauthn.get", challenge: shown(h, countersign.Challenge{Show: asked.Challenge}).PublicKey.Challenge,
		origin: origin, rpID: rpID, flags: present | verified, counter: h.counter}
	return r.ID, text(h.devices[who].get(c))
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

// The challenge is a long random value that is asked of one attempt alone, so
// Bearer; that the method also ties it to the identity has a test of its own.
func TestAPasskeyPassesTheListOfRefusals(t *testing.T) {
	for name, nameless := range map[string]bool{"named before": false, "nobody named before": true} {
		t.Run(name, func(t *testing.T) {
			m, s := newMethod(t), ada()
			d := newDevice(t, -7)
			enrolled(t, m, &s, d)
			_, away := asked(t, m, s)
			away.origin = "https://evil.example"
			refusals.Run(t, refusals.Case{
				Method: m, Life: life, Bearer: true, Elsewhere: text(d.get(away)),
				House: func(t *testing.T) refusals.House { return newHouse(t, nameless) },
				Evidence: func(t *testing.T) countersign.Evidence {
					who := s
					if nameless {
						who = countersign.Subject{}
					}
					asked, c := asked(t, m, who)
					return countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: text(d.get(c))}
				},
			})
		})
	}
}
