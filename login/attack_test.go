package login_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/passkey"
)

// withPasskeys is the guarded house as the server wires it by default.
func withPasskeys(t *testing.T) *house {
	h := newGuarded(t)
	m, err := passkey.New(passkey.Options{RPID: "localhost", Origins: []string{"http://localhost:8080"}, Now: h.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	h.Methods["passkey"] = m
	shows := map[string]countersign.Factor{}
	for name, m := range h.Methods {
		shows[name] = countersign.FactorOf(m)
	}
	in := h.Policies[countersign.SignIn]
	in.Offer, in.Spare, in.Strong, in.Shows = append([]string{"passkey"}, in.Offer...), append([]string{"passkey"}, in.Spare...), []string{"passkey"}, shows
	h.Policies[countersign.SignIn] = in
	up := h.Policies[countersign.SignUp]
	up.Enroll = []string{"password", "passkey"}
	h.Policies[countersign.SignUp] = up
	return h
}

func (h *house) role(by countersign.Caller, role string) countersign.Identity {
	h.Helper()
	i, _, err := h.db.SubjectOf(h.Context(), by.Identity.ID)
	if err != nil {
		h.Fatal(err)
	}
	i.Roles = []string{role}
	h.write(countersign.Change{Identity: &i})
	return i
}

func TestPasskeyOptionsOfASignUpTellNothing(t *testing.T) {
	h := withPasskeys(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	user := func(address string) string {
		r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: address})
		asked, err := h.Ask(t.Context(), h.me, r.ID, "passkey")
		if err != nil {
			t.Fatal(err)
		}
		var shown struct {
			PublicKey struct{ User struct{ ID string } }
		}
		if err := json.Unmarshal(asked.Challenge, &shown); err != nil {
			t.Fatal(err)
		}
		return shown.PublicKey.User.ID
	}
	taken, free := user("ada@example.com"), user("free@example.com")
	if len(taken) != len(free) || strings.HasPrefix(free, "aWRu") != strings.HasPrefix(taken, "aWRu") {
		t.Errorf("taken: %s, free: %s", taken, free)
	}
}

func TestTwoResetsBegunAtOnceEndTogether(t *testing.T) {
	h := newGuarded(t)
	h.app(h.signed(h.person("ada@example.com", good)))
	lost := json.RawMessage(`{"method":"factor_reset"}`)
	for round := range 20 {
		var all sync.WaitGroup
		go1 := make(chan struct{})
		for range 3 {
			id := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}).ID
			all.Go(func() { <-go1; h.BeginReset(t.Context(), h.me, id) })
		}
		close(go1)
		all.Wait()
		_, have, _ := h.db.FindSubject(t.Context(), "email", "ada@example.com")
		n := 0
		for _, c := range have {
			if c.Method == "factor_reset" {
				n++
			}
		}
		if n > 1 {
			token := h.token("ada@example.com")
			if err := h.CancelReset(t.Context(), h.me, token); err != nil {
				t.Fatal(err)
			}
			h.clock.pass(72*time.Hour + time.Minute)
			r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
			r, err := h.Answer(t.Context(), h.me, r.ID, lost)
			t.Fatalf("round %d: %d resets wait; the owner cancelled by a link; three days later: %s, session %t, %v", round, n, r.State, r.Secret != "", err)
		}
		h.CancelReset(t.Context(), h.me, h.token("ada@example.com"))
		h.clock.pass(2 * time.Minute)
	}
}

func TestAResetLetsAnAdministratorIn(t *testing.T) {
	h := withPasskeys(t)
	ada := h.signed(h.person("ada@example.com", good))
	h.app(ada)
	h.role(ada, "admin")
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	if _, err := h.BeginReset(t.Context(), h.me, r.ID); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(72*time.Hour + time.Minute)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	r = h.answer(r.ID, json.RawMessage(`{"method":"factor_reset"}`))
	if names(r) == "" || !strings.Contains(names(r), "to set up") && r.State != countersign.Complete {
		t.Errorf("after the reset: %s, asked for %q, lost %t: the lost app is all that is offered", r.State, names(r), r.Lost)
	}
}

func TestAPasskeyIsAskedForWhereARoleNeedsTwo(t *testing.T) {
	h := withPasskeys(t)
	ada := h.signed(h.person("ada@example.com", good))
	h.role(ada, "admin")
	h.write(countersign.Change{Credentials: []countersign.Credential{{ID: countersign.CredentialID(ids.New("crd", h.clock.now())), Identity: ada.Identity.ID, Method: "passkey", Lookup: "AAAA", Data: []byte(`{}`), CreatedAt: h.clock.now()}}})
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	if _, err := h.Ask(t.Context(), h.me, r.ID, "passkey"); err != nil {
		t.Errorf("it asks for %q and refuses: %v", names(r), err)
	}
}

func enrolling(t *testing.T, h *house, meanwhile func(countersign.Identity)) (login.Result, countersign.IdentityID, error) {
	ada := h.signed(h.person("ada@example.com", good))
	i := h.role(ada, "admin")
	i, _, _ = h.db.SubjectOf(t.Context(), i.ID)
	i.Emails = append(i.Emails, countersign.Email{Address: "old@example.com", Verified: true})
	h.write(countersign.Change{Identity: &i})
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "old@example.com", Evidence: pw(good)})
	h.is("after the password", r, countersign.NeedsEvidence, "totp to set up, passkey to set up")
	i, _, _ = h.db.SubjectOf(t.Context(), i.ID)
	meanwhile(i)
	asked, err := h.Ask(t.Context(), h.me, r.ID, "totp")
	if err != nil {
		return r, i.ID, err
	}
	var shown struct{ Secret string }
	json.Unmarshal(asked.Challenge, &shown)
	r, err = h.Answer(t.Context(), h.me, r.ID, json.RawMessage(`{"method":"totp","code":"`+h.shows(shown.Secret)+`"}`))
	return r, i.ID, err
}

func TestADisabledIdentitySetsNothingUp(t *testing.T) {
	h := withPasskeys(t)
	r, id, err := enrolling(t, h, func(i countersign.Identity) {
		i.State = countersign.Disabled
		h.write(countersign.Change{Identity: &i, End: []countersign.End{{Identity: i.ID}}})
	})
	i, have, _ := h.db.SubjectOf(t.Context(), id)
	if err == nil || r.Secret != "" {
		t.Errorf("%s, a session: %t, %v; state %q, %d credentials, %d sessions", r.State, r.Secret != "", err, i.State, len(have), h.left(id))
	}
}

func TestAnAddressThatWasRemovedSetsNothingUp(t *testing.T) {
	h := withPasskeys(t)
	r, id, err := enrolling(t, h, func(i countersign.Identity) {
		i.Emails = i.Emails[:1]
		h.write(countersign.Change{Identity: &i})
	})
	i, have, _ := h.db.SubjectOf(t.Context(), id)
	if err == nil || r.Secret != "" || i.State != countersign.Active {
		t.Errorf("%s, a session: %t, %v; state %q, %d credentials, %d sessions", r.State, r.Secret != "", err, i.State, len(have), h.left(id))
	}
	if _, err := h.signIn("ada@example.com", good); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestARememberedBrowserDoesNotTakeTheSecondStepAway(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	h.app(ada)
	shown, _ := h.owner().Add(t.Context(), ada, "devices", nil)
	var made struct{ Token string }
	json.Unmarshal(shown, &made)
	h.clock.pass(24 * time.Hour)
	thief := h.me
	thief.Remembered = made.Token
	r, err := h.Start(t.Context(), thief, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	if err != nil {
		t.Fatal(err)
	}
	by := h.signed(r)
	apps, err := h.owner().Factors(t.Context(), by, "totp")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.owner().Remove(t.Context(), by, "totp", apps[0].ID); err == nil {
		t.Errorf("a session of %v by %v, without the app, took the app away", r.Session.Assurance, r.Session.Methods)
	}
}

func TestAnAccountOfANumberIsTold(t *testing.T) {
	h := newGuarded(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "+44 20 7946 0958", Evidence: pw(good)})
	by := h.signed(h.answer(r.ID, json.RawMessage(`{"method":"sms_code","code":"`+h.newest("+442079460958").Data["code"]+`"}`)))
	h.app(by)
	before := len(h.letters())
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "+442079460958", Evidence: pw(good)})
	if _, err := h.BeginReset(t.Context(), h.me, r.ID); err != nil {
		t.Fatal(err)
	}
	if after := len(h.letters()); after == before {
		t.Error("nobody is told that a reset waits, nor gets the link that ends it")
	}
}

func TestAMailboxAloneIsOneStep(t *testing.T) {
	h := newGuarded(t)
	in := h.Policies[countersign.SignIn]
	in.Second = []string{"totp", "email_code"} // policy.second = "totp,email_code"
	h.Policies[countersign.SignIn] = in
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	h.Ask(t.Context(), h.me, r.ID, "magic_link")
	r, err := h.Follow(t.Context(), h.me, h.token("ada@example.com"), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.pass(2 * time.Minute)
	if _, err := h.Ask(t.Context(), h.me, r.ID, "email_code"); err != nil {
		t.Fatal(err)
	}
	if r, err = h.Answer(t.Context(), h.me, r.ID, mailed(h.code("ada@example.com"))); err == nil && r.State == countersign.Complete {
		t.Errorf("a link and a code of the same mailbox are two steps: %v %v", r.Session.Assurance, r.Session.Methods)
	}
}

func TestWhatIsRefusedIsOnRecord(t *testing.T) {
	h := newGuarded(t)
	h.app(h.signed(h.person("ada@example.com", good)))
	h.clock.pass(2 * time.Minute)
	count := func() int { return len(h.events("proof.refused")) + len(h.events("attempt.refused")) }
	for what, do := range map[string]func() error{
		"the second step first": func() error {
			r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
			_, err := h.Answer(t.Context(), h.me, r.ID, json.RawMessage(`{"method":"totp","code":"000000"}`))
			return err
		},
		"a reset before anything was proved": func() error {
			r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
			_, err := h.BeginReset(t.Context(), h.me, r.ID)
			return err
		},
		"a finished attempt": func() error {
			r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
			h.clock.pass(time.Hour)
			_, err := h.Answer(t.Context(), h.me, r.ID, mailed("00000000"))
			return err
		},
		"a link twice": func() error {
			r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
			h.Ask(t.Context(), h.me, r.ID, "magic_link")
			token := h.token("ada@example.com")
			h.Follow(t.Context(), h.me, token, r.ID)
			_, err := h.Follow(t.Context(), h.me, token, r.ID)
			return err
		},
		"a link that cancels nothing": func() error {
			return h.CancelReset(t.Context(), h.me, h.token("ada@example.com"))
		},
	} {
		h.clock.pass(2 * time.Minute)
		before := count()
		err := do()
		if n := count() - before; n == 0 {
			t.Errorf("%s: %v, and nothing is on record", what, err)
		}
	}
}

func TestARecoveryForgetsRememberedBrowsers(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	shown, _ := h.owner().Add(t.Context(), ada, "devices", nil)
	var made struct{ Token string }
	json.Unmarshal(shown, &made)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	h.answer(r.ID, mailed(h.code("ada@example.com")))
	h.answer(r.ID, code())
	h.is("recovered", h.answer(r.ID, pw("gravel under the old pier")), countersign.Complete, "")
	h.clock.pass(2 * time.Minute)
	thief := h.me
	thief.Remembered = made.Token
	r, err := h.Start(t.Context(), thief, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ask(t.Context(), thief, r.ID, "email_code"); err != nil {
		t.Fatal(err)
	}
	r, err = h.Answer(t.Context(), thief, r.ID, mailed(h.code("ada@example.com")))
	if err == nil && r.State == countersign.Complete {
		t.Errorf("after a recovery, which ends every session and token, a browser remembered before takes one step: %v", r.Session.Methods)
	}
}

func TestARightCodeAfterAProfileChangeIsNotAWrongOneForEver(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	i, _, _ := h.db.SubjectOf(t.Context(), ada.Identity.ID)
	i.Name = "Ada"
	h.write(countersign.Change{Identity: &i})
	for range 2 {
		_, err := h.Answer(t.Context(), h.me, r.ID, code())
		now, _ := h.State(t.Context(), h.me, r.ID)
		if err != nil && names(now) == "totp" {
			t.Errorf("the right code: %v, and the attempt still asks for %q alone", err, names(now))
		}
		h.clock.pass(time.Minute)
	}
}

// Of any number who guess at once over attempts, purposes and known browsers.
func TestGuessesOverPurposesShareOneBudget(t *testing.T) {
	h := newGuarded(t)
	in := h.person("ada@example.com", good)
	ada := h.signed(in)
	h.app(ada)
	h.clock.pass(2 * time.Minute)
	wrong := json.RawMessage(`{"method":"totp","code":"000000"}`)
	var tries []func() error
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	h.answer(r.ID, mailed(h.code("ada@example.com")))
	for range 20 {
		s := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
		up, err := h.Start(t.Context(), ada, login.Start{Purpose: countersign.StepUp})
		if err != nil {
			t.Fatal(err)
		}
		tries = append(tries, func() error { _, err := h.Answer(t.Context(), h.me, s.ID, wrong); return err },
			func() error { _, err := h.Answer(t.Context(), h.me, r.ID, wrong); return err },
			func() error { _, err := h.Answer(t.Context(), ada, up.ID, wrong); return err })
	}
	var mu sync.Mutex
	n := 0
	var all sync.WaitGroup
	for _, try := range tries {
		all.Go(func() {
			if err := try(); err != nil && strings.HasPrefix(err.Error(), countersign.ErrNoMatch.Code) {
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if n != 5 {
		t.Errorf("%d guesses were looked at, want 5", n)
	}
}

// A known browser has a budget of its own, but the two together are still bounded; whoever
// takes a session has no second one.
func TestALinkOfASignUpDoesNotKeepWhatWasPrepared(t *testing.T) {
	h := newGuarded(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw(good), ReturnTo: "/thief"})
	by := h.me
	by.Device.Name = "Safari"
	got, err := h.Follow(t.Context(), by, h.token("ada@example.com"), "")
	if err != nil {
		t.Fatal(err)
	}
	if got.State == countersign.Complete || got.ReturnTo != "" {
		t.Errorf("%s, to %s", got.State, got.ReturnTo)
	}
	h.refused("the thief goes on", r.ID, pw(good), countersign.ErrExpired)
	h.refused("the thief chooses", got.ID, json.RawMessage(`{"method":"totp"}`), countersign.ErrMalformed)
}

// How long the same question takes for who has much set up and for nobody.
var _ = json.RawMessage{}

// A browser is remembered for a second step that was shown in it, not for one that is set up later.
func TestAStaleSessionAndAMailboxDoNotTakeTheAppAway(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	cookie := h.signed(h.answer(r.ID, code()))
	h.clock.pass(3 * 24 * time.Hour)
	up, err := h.Start(t.Context(), cookie, login.Start{Purpose: countersign.StepUp, Level: "aal2"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ask(t.Context(), cookie, up.ID, "email_code"); err != nil {
		t.Fatal(err)
	}
	up, err = h.Answer(t.Context(), cookie, up.ID, mailed(h.code("ada@example.com")))
	if err != nil || up.State != countersign.Complete {
		return
	}
	by := h.signed(up)
	apps, _ := h.owner().Factors(t.Context(), by, "totp")
	if err := h.owner().Remove(t.Context(), by, "totp", apps[0].ID); err == nil {
		t.Errorf("a cookie of three days ago and the mailbox stepped up to %v and took the app away", up.Session.Assurance)
	}
}

func TestWhoShowsTheSecondStepEndsAWaitingReset(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	if _, err := h.BeginReset(t.Context(), h.me, r.ID); err != nil {
		t.Fatal(err)
	}
	// The owner signs in with the app and changes the password.
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	owner := h.signed(h.answer(r.ID, code()))
	body, _ := json.Marshal(map[string]string{"current_password": good, "new_password": "gravel under the old pier"})
	if err := h.owner().Change(t.Context(), owner, "password", body); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(73 * time.Hour)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	h.Ask(t.Context(), h.me, r.ID, "email_code")
	h.answer(r.ID, mailed(h.code("ada@example.com")))
	r, err := h.Answer(t.Context(), h.me, r.ID, json.RawMessage(`{"method":"factor_reset"}`))
	if err == nil && r.State == countersign.Complete {
		t.Error("a reset begun by who had the old password went on after the app was shown and the password changed")
	}
}
