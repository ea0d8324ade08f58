package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/proof/password"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/proof/totp"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

const good = "a lantern over quiet water"

// cli is the command line: who can run it holds the database.
var cli = countersign.Caller{System: "cli"}

// house is administration over SQLite, with a clock that the test moves.
type house struct {
	*testing.T
	*admin.Process
	db       *store.DB
	sessions *session.Sessions
	at       time.Time
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
	g, err := gate.New(gate.Options{Slots: 2, Queue: 100, Wait: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	params := argon.Params{MemoryKiB: 64, Time: 1, Threads: 1}
	m, err := password.New(password.Options{Params: params, Arenas: argon.NewArenas(2, params, time.Minute), Gate: g, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	h.db, h.sessions = db, session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: 12 * time.Hour, Now: now})
	h.Process = &admin.Process{
		Methods: methods(m, recovery.New(recovery.Options{Now: now}), totp.New(totp.Options{Issuer: "Example", Now: now})), Store: db, Records: db, Opener: h.sessions, Sudo: 10 * time.Minute, Now: now,
	}
	return h
}

func methods(all ...countersign.Method) map[string]countersign.Method {
	out := map[string]countersign.Method{}
	for _, m := range all {
		out[m.Name()] = m
	}
	return out
}

func pw(text string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "password", "password": text})
	return b
}

// person makes an identity with roles and a session that has just been proved.
func (h *house) person(address string, roles ...string) countersign.Caller {
	h.Helper()
	i, err := h.Add(h.Context(), cli, admin.New{Email: address, Roles: roles, Secret: pw(good)})
	if err != nil {
		h.Fatal(err)
	}
	by, _ := h.carrying(i)
	return by
}

// carrying opens a session of an identity: what a sign-in would have done.
func (h *house) carrying(i countersign.Identity) (by countersign.Caller, token string) {
	h.Helper()
	a := countersign.Attempt{ID: "att_1", State: countersign.NeedsEvidence, Expires: h.at.Add(time.Minute),
		Proofs: []countersign.Proof{{Identity: i.ID, Method: "password", Factor: countersign.Knows, At: h.at}}}
	enough, ok := countersign.Policy{}.Judge(a, h.at).(countersign.Enough)
	if !ok {
		h.Fatal("one proof is not enough")
	}
	opened, token, err := h.sessions.Open(enough, countersign.Caller{})
	if err != nil {
		h.Fatal(err)
	}
	h.apply(&countersign.Change{Session: &opened})
	return countersign.Caller{Identity: i, Session: opened, Device: countersign.Device{Name: "Firefox on Linux", Network: "192.0.2.1"}}, token
}

func (h *house) apply(c *countersign.Change) {
	h.Helper()
	c.Events = []countersign.Event{{ID: ids.New("evt", h.at), At: h.at, Action: "test", Outcome: "ok"}}
	if err := h.db.Apply(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

func (h *house) events(f countersign.EventFilter) []countersign.Event {
	h.Helper()
	list, err := h.db.ListEvents(context.Background(), f, "", 1000)
	if err != nil {
		h.Fatal(err)
	}
	return list
}

// written is how much was ever recorded; it stands still when nothing is written.
func (h *house) written() int { return len(h.events(countersign.EventFilter{})) }

// refused wants an error of the kind, and nothing written.
func (h *house) refused(what string, want error, try func() error) {
	h.Helper()
	before := h.written()
	if err := try(); !errors.Is(err, want) {
		h.Errorf("%s: %v, want %v", what, err, want)
	}
	if after := h.written(); after != before {
		h.Errorf("%s: %d events were written", what, after-before)
	}
}

// lives says whether a session can still be used.
func (h *house) lives(of countersign.Caller) bool {
	h.Helper()
	list, err := h.db.ListSessions(h.Context(), of.Identity.ID, "", 100)
	if err != nil {
		h.Fatal(err)
	}
	for _, s := range list {
		if s.ID == of.Session.ID {
			return true
		}
	}
	return false
}
