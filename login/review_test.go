package login_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/risk"
)

// meanwhile is a store in which something happens right before a session is opened.
type meanwhile struct {
	login.Store
	once func()
}

func (m *meanwhile) Apply(ctx context.Context, c *countersign.Change) error {
	if c.Session != nil && m.once != nil {
		do := m.once
		m.once = nil
		do()
	}
	return m.Store.Apply(ctx, c)
}

// before has something happen between the check of the next evidence and the pass.
func (h *house) before(do func()) { h.Process.Store = &meanwhile{h.db, do} }

func (h *house) write(c countersign.Change) {
	h.Helper()
	c.Events = append(c.Events, countersign.Event{ID: ids.New("evt", h.clock.now()), At: h.clock.now(), Action: "test", Outcome: "ok"})
	if err := h.db.Apply(h.Context(), &c); err != nil {
		h.Error(err)
	}
}

// left is how many sessions the identity has.
func (h *house) left(id countersign.IdentityID) int {
	h.Helper()
	list, err := h.db.ListSessions(h.Context(), id, "", 100)
	if err != nil {
		h.Fatal(err)
	}
	return len(list)
}

// recovers sets a new password by a code that is mailed.
func (h *house) recovers(address, password string) {
	h.Helper()
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: address})
	h.answer(r.ID, mailed(h.code(address)))
	h.answer(r.ID, pw(password))
}

func TestAPasswordChangedDuringASignInOpensNoSession(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	h.clock.pass(2 * time.Minute)
	h.before(func() { h.recovers("ada@example.com", "quieter lantern above a river") })
	if r, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) || r.Secret != "" {
		t.Errorf("the old password opened a session: %v", err)
	}
	if n := h.left(who); n != 1 {
		t.Errorf("%d sessions, want that of the recovery alone", n)
	}
}

func TestARenewedHashDoesNotBringBackAChangedPassword(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	h.Methods["password"] = newPassword(t, h, 128, "") // every hash is renewed at the next sign-in
	h.before(func() { h.recovers("ada@example.com", "quieter lantern above a river") })
	if _, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("the old password signed in: %v", err)
	}
	if _, err := h.signIn("ada@example.com", "quieter lantern above a river"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, credentials, err := h.db.FindSubject(t.Context(), "email", "ada@example.com")
	if err != nil || len(credentials) != 1 {
		t.Errorf("%d credentials: %v", len(credentials), err)
	}
}

func TestAnIdentityDisabledDuringASignInGetsNoSession(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	h.before(func() {
		i, _, err := h.db.SubjectOf(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		i.State = countersign.Disabled
		h.write(countersign.Change{Identity: &i, End: []countersign.End{{Identity: who}}})
	})
	if _, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("signed in: %v", err)
	}
	if n := h.left(who); n != 0 {
		t.Errorf("%d sessions wait for the day it is enabled again", n)
	}
}

func TestASessionThatWasEndedIsNotRaised(t *testing.T) {
	h := newHouse(t)
	in := h.person("ada@example.com", good)
	h.me = h.carrying(in.Secret)
	h.before(func() { h.write(countersign.Change{End: []countersign.End{{Identity: in.Proved}}}) })
	if r, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.StepUp, Evidence: pw(good)}); !errors.Is(err, countersign.ErrNoMatch) || r.Secret != "" {
		t.Errorf("a session ended everywhere lives on: %v", err)
	}
	if n := h.left(in.Proved); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestAnAddressThatWasRemovedRecoversNothing(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	h.clock.pass(2 * time.Minute)
	i, _, err := h.db.SubjectOf(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	i.Emails = append(i.Emails, countersign.Email{Address: "old@example.com", Verified: true})
	h.write(countersign.Change{Identity: &i})
	asked, proved := h.start(login.Start{Purpose: countersign.Recover, Identifier: "old@example.com"}), countersign.AttemptID("")
	first := h.code("old@example.com")
	h.clock.pass(2 * time.Minute)
	proved = h.start(login.Start{Purpose: countersign.Recover, Identifier: "old@example.com"}).ID
	h.answer(proved, mailed(h.code("old@example.com")))
	i.Emails = i.Emails[:1] // its mailbox has been stolen
	h.write(countersign.Change{Identity: &i})
	h.refused("a code for an address that is gone", asked.ID, mailed(first), countersign.ErrNoMatch)
	h.refused("a new password after that", proved, pw("quieter lantern above a river"), countersign.ErrNoMatch)
	if _, err := h.signIn("ada@example.com", good); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestAUsernameCostsAsManyStatementsWhetherSomebodyHasItOrNot(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	h.clock.pass(2 * time.Minute)
	i, _, err := h.db.SubjectOf(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	name := "ada"
	i.Username = &name
	h.write(countersign.Change{Identity: &i})
	cost := func(name string) uint64 {
		before := h.db.Stats().Ops
		h.start(login.Start{Purpose: countersign.Recover, Identifier: name})
		return h.db.Stats().Ops - before
	}
	if known, unknown := cost("ada"), cost("nobody"); known != unknown {
		t.Errorf("%d transactions for a username that somebody has, %d for one that nobody has", known, unknown)
	}
}

func TestANameThatIsNoNameBeginsNothing(t *testing.T) {
	h := newHouse(t)
	for what, name := range map[string]string{
		"a line break": "Ada\r\nBcc: eve@example.com", "NUL": "Ada\x00", "a line separator": "Ada\u2028Eve", "no UTF-8": "Ada\xff", "no end": strings.Repeat("a", 201),
	} {
		_, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Traits: &login.Traits{Name: name}, Evidence: pw(good)})
		var e *countersign.Error
		if !errors.As(err, &e) || e.Code != countersign.ErrMalformed.Code {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(h.events("attempt.started")); n != 0 {
		t.Errorf("%d attempts were written", n)
	}
	_, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Traits: &login.Traits{Locale: "no language"}, Evidence: json.RawMessage(pw(good))})
	if !errors.Is(err, countersign.ErrMalformed) {
		t.Errorf("a locale that is none: %v", err)
	}
}

func TestUsernamesOfDifferentNetworksShareNoSendBudget(t *testing.T) {
	h := newHouse(t)
	h.Limits.SendPerNetwork = []risk.Rate{{Count: 2, Per: time.Hour}}
	h.Limits.SignUpPerNetwork = nil
	for n, name := range []string{"ada", "bob", "eve", "joe"} {
		h.me.From = netip.AddrFrom4([4]byte{192, 0, byte(n), 1})
		who := h.person(name+"@example.com", good).Proved
		i, _, err := h.db.SubjectOf(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		i.Username = &name
		h.write(countersign.Change{Identity: &i})
		h.clock.pass(2 * time.Minute)
		h.start(login.Start{Purpose: countersign.Recover, Identifier: name})
		if got := h.newest(name + "@example.com").Template; got != "recover" {
			t.Errorf("%s got %q", name, got)
		}
	}
}

func TestALinkDiesWithTheAddressItWasSentTo(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	h.clock.pass(2 * time.Minute)
	i, _, err := h.db.SubjectOf(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	name := "ada"
	i.Username = &name
	h.write(countersign.Change{Identity: &i})
	h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada"})
	link := h.token("ada@example.com")
	i.Emails = []countersign.Email{{Address: "new@example.com", Verified: true, Primary: true}}
	h.write(countersign.Change{Identity: &i})
	if r, err := h.Follow(t.Context(), h.me, link, ""); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("it led on to %+v: %v", r.Methods, err)
	}
}

// hangsUp is a method whose caller goes away as soon as it has looked.
type hangsUp struct {
	countersign.Method
	cancel func()
}

func (m hangsUp) Check(ctx context.Context, e countersign.Evidence) (countersign.Proof, error) {
	defer m.cancel()
	return m.Method.Check(ctx, e)
}

func TestAGuessIsRecordedThoughItsCallerHangsUp(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	ctx, cancel := context.WithCancel(t.Context())
	h.Methods["password"] = hangsUp{h.Methods["password"], cancel}
	if _, err := h.Start(ctx, h.me, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw("not this one at all")}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("%v", err)
	}
	if n := len(h.events("proof.refused")); n != 1 {
		t.Errorf("%d refusals are on record", n)
	}
}

func TestAFloodOfGuessesDoesNotFillTheLog(t *testing.T) {
	h := newHouse(t)
	for range 200 {
		h.signIn("nobody@example.com", "not this one at all") //nolint:errcheck // each is refused
	}
	if n := len(h.events("proof.refused")); n != 5+60 {
		t.Errorf("%d refusals are on record, want the 5 that were checked and the first 60 that were not", n)
	}
	h.me.From = netip.MustParseAddr("198.51.100.1")
	h.signIn("nobody@example.com", "not this one at all") //nolint:errcheck // refused
	if n := len(h.events("proof.refused")); n != 5+61 {
		t.Error("another network's refusal is not on record")
	}
}
