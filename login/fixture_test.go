package login_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/proof/password"
	"github.com/countersign-id/countersign/risk"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

const good = "a lantern over quiet water"

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// house is a process over a real database, with cheap hashes.
type house struct {
	*testing.T
	*login.Process
	db       *store.DB
	sessions *session.Sessions
	clock    *clock
	me       countersign.Caller
}

var limits = risk.Limits{
	Guesses: 5, Pause: 15 * time.Minute,
	SendPerAddress:   []risk.Rate{{Count: 1, Per: time.Minute}, {Count: 5, Per: time.Hour}},
	SignUpPerNetwork: []risk.Rate{{Count: 50, Per: time.Hour}},
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	db, err := store.Open(t.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Keys: [][]byte{make([]byte, 32)}, Node: "test", Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, db: db, clock: c, me: countersign.Caller{From: netip.MustParseAddr("192.0.2.1"), Device: countersign.Device{Name: "Firefox on Linux", Network: "192.0.2.1"}}}
	h.sessions = session.New(db, session.Options{Absolute: 30 * 24 * time.Hour, Idle: 7 * 24 * time.Hour, Now: c.now})
	g, err := gate.New(gate.Options{Slots: 4, Queue: 2000, Wait: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	params := argon.Params{MemoryKiB: 64, Time: 1, Threads: 1}
	pw, err := password.New(password.Options{Params: params, Arenas: argon.NewArenas(4, params, time.Minute), Gate: g, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	mail := code.New(code.Options{Key: []byte("key of the test"), Life: 10 * time.Minute, Tries: 5, Now: c.now})
	h.Process = &login.Process{
		Methods: map[string]countersign.Method{pw.Name(): pw, mail.Name(): mail},
		Policies: map[countersign.Purpose]countersign.Policy{
			countersign.SignIn:    {Offer: []string{"password"}},
			countersign.SignUp:    {Offer: []string{"email_code"}, Enroll: []string{"password"}},
			countersign.VerifyOwn: {Offer: []string{"email_code"}},
			countersign.Recover:   {Offer: []string{"email_code"}, Enroll: []string{"password"}},
			countersign.StepUp:    {Offer: []string{"password"}},
		},
		Store: db, Challenges: db, Counter: db, Limits: limits, Sessions: h.sessions, Life: 30 * time.Minute, Now: c.now,
		SafeReturn: func(s string) (string, bool) { return s, strings.HasPrefix(s, "/") },
	}
	return h
}

func pw(s string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "password", "password": s})
	return b
}

func mailed(s string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "email_code", "code": s})
	return b
}

// letters are what was sent so far, newest first, as a worker takes them.
func (h *house) letters() []countersign.Message {
	h.Helper()
	for {
		claimed, err := h.db.ClaimMessages(h.Context(), time.Minute, 100)
		if err != nil {
			h.Fatal(err)
		}
		if len(claimed) == 0 {
			break
		}
		for _, m := range claimed {
			if err := h.db.FinishMessage(h.Context(), m.ID, true); err != nil {
				h.Fatal(err)
			}
		}
	}
	all, err := h.db.Inbox(h.Context(), 100)
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// code is the newest code that was mailed to the address.
func (h *house) code(to string) string { return h.newest(to).Data["code"] }

// token is the newest link that was mailed to the address.
func (h *house) token(to string) string {
	_, t, _ := strings.Cut(h.newest(to).Data["link"], "token=")
	return t
}

func (h *house) newest(to string) countersign.Message {
	h.Helper()
	for _, m := range h.letters() {
		if m.To == to {
			return m
		}
	}
	h.Fatalf("nothing was mailed to %s", to)
	return countersign.Message{}
}

func (h *house) start(in login.Start) login.Result {
	h.Helper()
	r, err := h.Start(h.Context(), h.me, in)
	if err != nil {
		h.Fatalf("start %s: %v", in.Purpose, err)
	}
	return r
}

func (h *house) answer(id countersign.AttemptID, evidence json.RawMessage) login.Result {
	h.Helper()
	r, err := h.Answer(h.Context(), h.me, id, evidence)
	if err != nil {
		h.Fatalf("answer: %v", err)
	}
	return r
}

// refused checks that evidence is refused, and how.
func (h *house) refused(what string, id countersign.AttemptID, evidence json.RawMessage, want error) {
	h.Helper()
	if r, err := h.Answer(h.Context(), h.me, id, evidence); !errors.Is(err, want) || r.Secret != "" {
		h.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// person signs up.
func (h *house) person(address, password string) login.Result {
	h.Helper()
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: address, Evidence: pw(password)})
	return h.answer(r.ID, mailed(h.code(address)))
}

func (h *house) signIn(address, password string) (login.Result, error) {
	return h.Start(h.Context(), h.me, login.Start{Purpose: countersign.SignIn, Identifier: address, Evidence: pw(password)})
}

// carrying is the caller with a session's token.
func (h *house) carrying(token string) countersign.Caller {
	h.Helper()
	k, err := h.sessions.Check(h.Context(), token)
	if err != nil {
		h.Fatal(err)
	}
	by := h.me
	by.Identity, by.Session = k.Identity, k.Session
	return by
}

func (h *house) events(action string) []countersign.Event {
	h.Helper()
	list, err := h.db.ListEvents(context.Background(), countersign.EventFilter{Action: action}, "", 2000)
	if err != nil {
		h.Fatal(err)
	}
	return list
}

func newPassword(t *testing.T, h *house, memory uint32, pepper string) *password.Method {
	t.Helper()
	g, err := gate.New(gate.Options{Slots: 4, Queue: 100, Wait: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	params := argon.Params{MemoryKiB: memory, Time: 1, Threads: 1}
	m, err := password.New(password.Options{Params: params, Pepper: []byte(pepper), Arenas: argon.NewArenas(4, params, time.Minute), Gate: g, Now: h.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
