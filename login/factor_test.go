package login_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/login"
)

func TestWhoHasAnAppIsAskedForItAfterThePassword(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.is("after the password", r, countersign.NeedsEvidence, "totp")
	stranger := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	h.is("before it nothing is told", stranger, countersign.NeedsEvidence, "password, email_code, magic_link")
	h.refused("the second step first", stranger.ID, code(), countersign.ErrNoMatch)
	h.refused("a wrong code", r.ID, json.RawMessage(`{"method":"totp","code":"000000"}`), countersign.ErrNoMatch)
	h.refused("the password again", r.ID, pw("not this one"), countersign.ErrNoMatch)
	used := code()
	done := h.answer(r.ID, used)
	h.is("after the code", done, countersign.Complete, "")
	if done.Session.Assurance != countersign.AAL2 || !slices.Equal(done.Session.Methods, []string{"password", "totp"}) {
		t.Errorf("the session is %+v", done.Session)
	}
	again := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.refused("the same code again", again.ID, used, countersign.ErrNoMatch)
}

func TestACodeOfAnAppOpensOneOfManyAttempts(t *testing.T) {
	h := newGuarded(t)
	code := h.app(h.signed(h.person("ada@example.com", good)))
	var waiting []countersign.AttemptID
	for range 5 {
		waiting = append(waiting, h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}).ID)
	}
	right := code()
	var won sync.Map
	var all sync.WaitGroup
	for _, id := range waiting {
		all.Go(func() {
			if r, err := h.Answer(t.Context(), h.me, id, right); err == nil && r.Secret != "" {
				won.Store(id, true)
			} else if err != nil && !errors.Is(err, countersign.ErrNoMatch) && !errors.Is(err, countersign.ErrSlowDown) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	won.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("one code opened %d sessions", n)
	}
}

func TestTheSecondStepIsGuessedAsOftenAsTheBudgetAllows(t *testing.T) {
	h := newGuarded(t)
	code := h.app(h.signed(h.person("ada@example.com", good)))
	wrong := json.RawMessage(`{"method":"totp","code":"000000"}`)
	for i := range 5 {
		r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
		h.refused(fmt.Sprintf("guess %d, each in a new attempt", i), r.ID, wrong, countersign.ErrNoMatch)
	}
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.refused("the right code after them", r.ID, code(), countersign.ErrSlowDown)
}

func TestWhatWasProvedBeforeAPasswordChangedCountsNoMore(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	code := h.app(ada)
	thief := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	body, _ := json.Marshal(map[string]string{"current_password": good, "new_password": "gravel under the old pier"})
	if err := h.owner().Change(t.Context(), ada, "password", body); err != nil {
		t.Fatal(err)
	}
	if r, err := h.Answer(t.Context(), h.me, thief.ID, code()); err == nil || r.Secret != "" {
		t.Errorf("a second step after the first one's password was changed: %+v, %v", r, err)
	}
}

func TestARecoveryIsNoWayAroundTheSecondStep(t *testing.T) {
	h := newGuarded(t)
	code := h.app(h.signed(h.person("ada@example.com", good)))
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	h.refused("a new password before anything", r.ID, pw("gravel under the old pier"), countersign.ErrNoMatch)
	r = h.answer(r.ID, mailed(h.code("ada@example.com")))
	h.is("after the mailed code", r, countersign.NeedsEvidence, "totp")
	h.refused("a new password before the second step", r.ID, pw("gravel under the old pier"), countersign.ErrNoMatch)
	r = h.answer(r.ID, code())
	h.is("after both", r, countersign.NeedsEvidence, "password to set up")
	h.is("after the new password", h.answer(r.ID, pw("gravel under the old pier")), countersign.Complete, "")
}

func TestARecoveryCodeStandsInOnce(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	h.app(ada)
	shown, err := h.owner().Add(t.Context(), ada, "recovery-codes", nil)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Codes []string }
	if err := json.Unmarshal(shown, &made); err != nil || len(made.Codes) != 10 {
		t.Fatalf("%d codes, %v", len(made.Codes), err)
	}
	spare := json.RawMessage(`{"method":"recovery_code","code":"` + strings.ToUpper(made.Codes[3]) + `"}`)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.is("both are asked for", r, countersign.NeedsEvidence, "totp, recovery_code")
	h.is("with a recovery code", h.answer(r.ID, spare), countersign.Complete, "")
	if !slices.ContainsFunc(h.letters(), func(m countersign.Message) bool { return m.Template == "recovery_code_used" && m.Data["left"] == "9" }) {
		t.Error("the owner is not told that a code was used")
	}
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.refused("the same code again", r.ID, spare, countersign.ErrNoMatch)
	if _, err := h.owner().Add(t.Context(), ada, "recovery-codes", nil); err != nil {
		t.Fatal(err)
	}
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.refused("one of the old set", r.ID, json.RawMessage(`{"method":"recovery_code","code":"`+made.Codes[4]+`"}`), countersign.ErrNoMatch)
}

func TestARememberedBrowserTakesOneStep(t *testing.T) {
	h := newGuarded(t)
	code := h.app(h.signed(h.person("ada@example.com", good)))
	ada := h.signed(h.answer(h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}).ID, code()))
	shown, err := h.owner().Add(t.Context(), ada, "devices", json.RawMessage(`{"name":"Firefox on Linux"}`))
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID    countersign.CredentialID
		Token string
	}
	if err := json.Unmarshal(shown, &made); err != nil || made.Token == "" {
		t.Fatalf("%s, %v", shown, err)
	}
	eve := h.signed(h.person("eve@example.com", good))
	h.app(eve)
	in := func(who, token string) login.Result {
		by := h.me
		by.Remembered = token
		r, err := h.Start(t.Context(), by, login.Start{Purpose: countersign.SignIn, Identifier: who, Evidence: pw(good)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := in("ada@example.com", made.Token)
	h.is("in that browser", r, countersign.Complete, "")
	if r.Session.Assurance != countersign.AAL1 {
		t.Errorf("a remembered browser counts as a factor: %v", r.Session.Assurance)
	}
	h.is("in another", in("ada@example.com", ""), countersign.NeedsEvidence, "totp")
	h.is("somebody else in that browser", in("eve@example.com", made.Token), countersign.NeedsEvidence, "totp")
	up, err := h.Start(t.Context(), h.signed(r), login.Start{Purpose: countersign.StepUp, Evidence: pw(good)})
	if err != nil {
		t.Fatal(err)
	}
	h.is("a step-up asks for the second step that was left out", up, countersign.NeedsEvidence, "totp")
	if err := h.owner().Remove(t.Context(), ada, "devices", made.ID); err != nil {
		t.Fatal(err)
	}
	h.is("after it was forgotten", in("ada@example.com", made.Token), countersign.NeedsEvidence, "totp")
	again, err := h.owner().Add(t.Context(), ada, "devices", nil)
	if err != nil {
		t.Fatal(err)
	}
	json.Unmarshal(again, &made)
	h.clock.pass(30*24*time.Hour + time.Second)
	h.is("after thirty days", in("ada@example.com", made.Token), countersign.NeedsEvidence, "totp")
}

func TestALostFactorIsResetAfterThreeDaysUnlessItsOwnerObjects(t *testing.T) {
	h := newGuarded(t)
	h.app(h.signed(h.person("ada@example.com", good)))
	begin := func() login.Result {
		h.Helper()
		r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
		if !r.Lost {
			t.Error("nothing is offered to who lost the app")
		}
		r, err := h.BeginReset(t.Context(), h.me, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	lost := json.RawMessage(`{"method":"factor_reset"}`)
	unproved := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	if _, err := h.BeginReset(t.Context(), h.me, unproved.ID); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("a stranger begins a reset: %v", err)
	}
	r := begin()
	h.is("it is offered", r, countersign.NeedsEvidence, "totp, factor_reset")
	h.refused("at once", r.ID, lost, countersign.ErrNoMatch)
	told := h.newest("ada@example.com")
	_, token, _ := strings.Cut(told.Data["link"], "token=")
	if told.Template != "factor_reset_started" || token == "" {
		t.Fatalf("the owner is told %s, with a link: %t", told.Template, token != "")
	}
	h.clock.pass(72*time.Hour - time.Minute)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.refused("a minute before its time", r.ID, lost, countersign.ErrNoMatch)
	if err := h.CancelReset(t.Context(), h.me, token); err != nil {
		t.Fatal(err)
	}
	if err := h.CancelReset(t.Context(), h.me, token); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("cancelled twice: %v", err)
	}
	h.clock.pass(2 * time.Minute)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.is("after it was cancelled", r, countersign.NeedsEvidence, "totp")
	h.refused("a cancelled one", r.ID, lost, countersign.ErrNoMatch)
	begin()
	h.clock.pass(72 * time.Hour)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.is("after three days", h.answer(r.ID, lost), countersign.Complete, "")
	h.is("and then the app is gone", h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}), countersign.Complete, "")
	if got := h.newest("ada@example.com").Template; got != "factor_reset_done" {
		t.Errorf("the owner is told %s", got)
	}
}

func TestAnAdministratorWithoutASecondStepSetsOneUpWhileSigningIn(t *testing.T) {
	h := newGuarded(t)
	ada := h.signed(h.person("ada@example.com", good))
	i := ada.Identity
	i.Roles = []string{"admin"}
	if err := h.db.Apply(t.Context(), &countersign.Change{Identity: &i, Events: []countersign.Event{{ID: ids.New("evt", h.clock.now()), At: h.clock.now(), Action: "test"}}}); err != nil {
		t.Fatal(err)
	}
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)})
	h.is("after the password", r, countersign.NeedsEvidence, "totp to set up")
	h.refused("a code before there is a secret", r.ID, json.RawMessage(`{"method":"totp","code":"000000"}`), countersign.ErrNoMatch)
	asked, err := h.Ask(t.Context(), h.me, r.ID, "totp")
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ Secret string }
	if err := json.Unmarshal(asked.Challenge, &shown); err != nil || shown.Secret == "" {
		t.Fatalf("nothing to copy: %s, %v", asked.Challenge, err)
	}
	done := h.answer(r.ID, json.RawMessage(`{"method":"totp","code":"`+h.shows(shown.Secret)+`"}`))
	h.is("after setting it up", done, countersign.Complete, "")
	if done.Session.Assurance != countersign.AAL2 {
		t.Errorf("the session reaches %v", done.Session.Assurance)
	}
	h.is("next time it is asked for", h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}), countersign.NeedsEvidence, "totp")
}

func TestACodeByMailOpensASignIn(t *testing.T) {
	h := newGuarded(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	h.refused("a code before one was asked for", r.ID, mailed("00000000"), countersign.ErrNoMatch)
	before := len(h.letters())
	r, err := h.Ask(t.Context(), h.me, r.ID, "email_code")
	if err != nil {
		t.Fatal(err)
	}
	if sent := len(h.letters()); sent != before+1 || !r.Methods[1].Sent || r.Methods[1].To != "a•••@example.com" {
		t.Errorf("%d letters, %+v", sent-before, r.Methods[1])
	}
	h.is("with the code", h.answer(r.ID, mailed(h.code("ada@example.com"))), countersign.Complete, "")
}

func TestALinkByMailOpensASignInWhereItIsConfirmed(t *testing.T) {
	h := newGuarded(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	if _, err := h.Ask(t.Context(), h.me, r.ID, "magic_link"); err != nil {
		t.Fatal(err)
	}
	if link := h.newest("ada@example.com").Data["link"]; !strings.HasPrefix(link, "/magic-link?token=") {
		t.Errorf("the link leads to %s", link)
	}
	token := h.token("ada@example.com")
	for range 3 { // scanners
		if _, err := h.Link(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere, err := h.Follow(t.Context(), h.me, token, "")
	if err != nil {
		t.Fatal(err)
	}
	h.is("in another browser, which confirmed", elsewhere, countersign.Complete, "")
	h.refused("the browser that asked goes on", r.ID, pw(good), countersign.ErrExpired)
	if _, err := h.Follow(t.Context(), h.me, token, ""); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("followed twice: %v", err)
	}
}

func TestALinkIsNoWayAroundTheSecondStep(t *testing.T) {
	h := newGuarded(t)
	h.app(h.signed(h.person("ada@example.com", good)))
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	if _, err := h.Ask(t.Context(), h.me, r.ID, "magic_link"); err != nil {
		t.Fatal(err)
	}
	for _, mine := range []countersign.AttemptID{r.ID, ""} {
		got, err := h.Follow(t.Context(), h.me, h.token("ada@example.com"), mine)
		if err != nil {
			t.Fatal(err)
		}
		h.is("after the link", got, countersign.NeedsEvidence, "totp")
		h.clock.pass(2 * time.Minute)
		r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
		if _, err := h.Ask(t.Context(), h.me, r.ID, "magic_link"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAccountCanBeAnAddressAlone(t *testing.T) {
	h := newGuarded(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: json.RawMessage(`{"method":"email_code"}`)})
	h.is("at first", r, countersign.NeedsEvidence, "email_code")
	h.is("after the code", h.answer(r.ID, mailed(h.code("ada@example.com"))), countersign.Complete, "")
}

func TestAnAccountCanBeAPhoneNumber(t *testing.T) {
	h := newGuarded(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "+44 20 7946 0958", Evidence: pw(good)})
	if h.is("at first", r, countersign.NeedsEvidence, "sms_code"); h.newest("+442079460958").Channel != "sms" {
		t.Error("the code goes by something else than a text message")
	}
	text := func() json.RawMessage {
		return json.RawMessage(`{"method":"sms_code","code":"` + h.newest("+442079460958").Data["code"] + `"}`)
	}
	h.is("after the code", h.answer(r.ID, text()), countersign.Complete, "")
	h.clock.pass(2 * time.Minute)
	r = h.start(login.Start{Purpose: countersign.SignIn, Identifier: "0044 (20) 7946-0958"})
	if _, err := h.Ask(t.Context(), h.me, r.ID, "sms_code"); err != nil {
		t.Fatal(err)
	}
	h.is("signing in by the number", h.answer(r.ID, text()), countersign.Complete, "")
	if _, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.SignIn, Identifier: "+442079460958", Evidence: pw(good)}); err != nil {
		t.Errorf("by its password: %v", err)
	}
}

func TestASignUpTakesOnlyWhatMayBeSetUp(t *testing.T) {
	h := newGuarded(t)
	p := h.Policies[countersign.SignUp]
	p.Enroll = nil
	h.Policies[countersign.SignUp] = p
	if _, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw(good)}); !errors.Is(err, countersign.ErrMalformed) {
		t.Errorf("a password where none is asked for: %v", err)
	}
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "eve@example.com"})
	h.is("the address alone", h.answer(r.ID, mailed(h.code("eve@example.com"))), countersign.Complete, "")
}

func TestARecoverySetsUpWhatARoleNeeds(t *testing.T) {
	h := newGuarded(t)
	p := h.Policies[countersign.Recover]
	p.Rules, p.Lost = []countersign.Rule{{Factors: 2}}, true
	h.Policies[countersign.Recover] = p
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	r = h.answer(r.ID, mailed(h.code("ada@example.com")))
	h.is("after the mailed code", r, countersign.NeedsEvidence, "totp to set up")
	h.refused("a new password before that", r.ID, pw("gravel under the old pier"), countersign.ErrNoMatch)
	asked, err := h.Ask(t.Context(), h.me, r.ID, "totp")
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ Secret string }
	if err := json.Unmarshal(asked.Challenge, &shown); err != nil {
		t.Fatal(err)
	}
	r = h.answer(r.ID, json.RawMessage(`{"method":"totp","code":"`+h.shows(shown.Secret)+`"}`))
	// The password, which was lost, is not asked for but chosen.
	h.is("after setting it up", r, countersign.NeedsEvidence, "password to set up")
}
