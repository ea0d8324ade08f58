package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/proof/device"
	"github.com/countersign-id/countersign/proof/password"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/proof/totp"
	"github.com/countersign-id/countersign/risk"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

const (
	good = "a lantern over quiet water"
	next = "gravel under the old pier"
)

// house is the account process over SQLite, with the login process that proves addresses.
type house struct {
	*testing.T
	*account.Process
	db       *store.DB
	sessions *session.Sessions
	password *password.Method
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
	h.db, h.sessions = db, session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: 12 * time.Hour, Now: now})
	g, err := gate.New(gate.Options{Slots: 2, Queue: 100, Wait: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	params := argon.Params{MemoryKiB: 64, Time: 1, Threads: 1}
	if h.password, err = password.New(password.Options{Params: params, Arenas: argon.NewArenas(2, params, time.Minute), Gate: g, Now: now}); err != nil {
		t.Fatal(err)
	}
	mail := code.New(code.Options{Key: []byte("key of the test"), Life: 10 * time.Minute, Tries: 5, Now: now})
	text := code.NewSMS(code.Options{Key: []byte("key of the test"), Life: 10 * time.Minute, Tries: 5, Now: now})
	app, spare, browser := totp.New(totp.Options{Issuer: "Test", Now: now}), recovery.New(recovery.Options{Now: now}), device.New(device.Options{Now: now})
	methods := map[string]countersign.Method{h.password.Name(): h.password, mail.Name(): mail, text.Name(): text, app.Name(): app, spare.Name(): spare, browser.Name(): browser}
	limits := risk.Limits{Guesses: 5, Pause: 15 * time.Minute}
	prover := &login.Process{
		Methods: methods, Policies: map[countersign.Purpose]countersign.Policy{countersign.VerifyOwn: {Offer: []string{mail.Name(), text.Name()}}},
		Store: db, Challenges: db, Counter: db, Sessions: h.sessions, Life: 30 * time.Minute, Now: now,
	}
	policy := countersign.Policy{Offer: []string{"password"}, Second: []string{"totp"}, Spare: []string{"recovery_code", "device"}}
	h.Process = &account.Process{Methods: methods, Policy: policy, Store: db, Counter: db, Challenges: db, Limits: limits, Prover: prover, Sudo: 10 * time.Minute, Now: now}
	return h
}

// person makes an account with a session that has just been proved.
func (h *house) person(address string) countersign.Caller {
	h.Helper()
	i := countersign.Identity{
		ID: countersign.IdentityID(ids.New("idn", h.at)), Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"), CreatedAt: h.at,
		Emails: []countersign.Email{{Address: address, Verified: true, Primary: true}},
	}
	made, err := h.password.Enroll(h.Context(), countersign.Subject{Identity: i.ID}, countersign.Evidence{Answer: raw(map[string]string{"password": good})})
	if err != nil {
		h.Fatal(err)
	}
	made.ID = countersign.CredentialID(ids.New("crd", h.at))
	h.apply(&countersign.Change{Identity: &i, Credentials: []countersign.Credential{made}})
	return h.carrying(i)
}

// carrying opens a session of an identity: what a sign-in would have done.
func (h *house) carrying(i countersign.Identity) countersign.Caller {
	h.Helper()
	a := countersign.Attempt{ID: "att_1", State: countersign.NeedsEvidence, Expires: h.at.Add(time.Minute),
		Proofs: []countersign.Proof{{Identity: i.ID, Method: "password", Factor: countersign.Knows, At: h.at}}}
	enough, ok := countersign.Policy{}.Judge(a, h.at).(countersign.Enough)
	if !ok {
		h.Fatal("one proof is not enough")
	}
	opened, _, err := h.sessions.Open(enough, countersign.Caller{})
	if err != nil {
		h.Fatal(err)
	}
	h.apply(&countersign.Change{Session: &opened})
	return countersign.Caller{Identity: i, Session: opened, Device: countersign.Device{Name: "Firefox on Linux", Network: "192.0.2.1"}}
}

func (h *house) apply(c *countersign.Change) {
	h.Helper()
	c.Events = []countersign.Event{{ID: ids.New("evt", h.at), At: h.at, Action: "test", Outcome: "ok"}}
	if err := h.db.Apply(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

func raw(fields map[string]string) json.RawMessage {
	b, _ := json.Marshal(fields)
	return b
}

// letters are those that wait, oldest first; each is seen once.
func (h *house) letters() []countersign.Message {
	h.Helper()
	all, err := h.db.ClaimMessages(h.Context(), time.Minute, 100)
	if err != nil {
		h.Fatal(err)
	}
	for _, m := range all {
		if err := h.db.FinishMessage(h.Context(), m.ID, false); err != nil {
			h.Fatal(err)
		}
	}
	return all
}

// told lists who is told what by the letters that wait, as "template to
// address", sorted: letters of one moment have no order.
func (h *house) told() (list []string) {
	for _, m := range h.letters() {
		list = append(list, m.Template+" to "+m.To)
	}
	slices.Sort(list)
	return list
}

func (h *house) events(f countersign.EventFilter) []countersign.Event {
	h.Helper()
	list, err := h.db.ListEvents(context.Background(), f, "", 1000)
	if err != nil {
		h.Fatal(err)
	}
	return list
}

// refused wants an error of the kind, and no change recorded: a wrong guess
// leaves its line in the log, and nothing else.
func (h *house) refused(what string, want error, try func() error) {
	h.Helper()
	before := len(h.events(countersign.EventFilter{})) - len(h.events(countersign.EventFilter{Action: "proof.refused"}))
	if err := try(); !errors.Is(err, want) {
		h.Errorf("%s: %v, want %v", what, err, want)
	}
	if after := len(h.events(countersign.EventFilter{})) - len(h.events(countersign.EventFilter{Action: "proof.refused"})); after != before {
		h.Errorf("%s: %d changes were made", what, after-before)
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

func (h *house) proves(of countersign.Caller, text string) bool {
	h.Helper()
	i, have, err := h.db.SubjectOf(h.Context(), of.Identity.ID)
	if err != nil {
		h.Fatal(err)
	}
	_, err = h.password.Check(h.Context(), countersign.Evidence{
		Subject: countersign.Subject{Identity: i.ID, Credentials: have}, Answer: raw(map[string]string{"password": text})})
	return err == nil
}
