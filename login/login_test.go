package login_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

func TestAPersonSignsUpAndIn(t *testing.T) {
	h := newHouse(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "Ada@Example.com", Evidence: pw(good), Traits: &login.Traits{Name: "Ada"}})
	if r.State != countersign.NeedsEvidence || len(r.Methods) != 1 || r.Methods[0].Method != "email_code" || r.Methods[0].To != "a•••@example.com" {
		t.Fatalf("after the password: %+v", r)
	}
	if _, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("an address that is not verified signs in: %v", err)
	}
	h.refused("a wrong code", r.ID, mailed("00000000"), countersign.ErrNoMatch)
	done := h.answer(r.ID, mailed(h.code("ada@example.com")))
	if done.State != countersign.Complete || done.Secret == "" || done.Session.Assurance != countersign.AAL1 {
		t.Fatalf("after the code: %+v", done)
	}
	k, err := h.sessions.Check(t.Context(), done.Secret)
	if err != nil || k.Identity.Name != "Ada" || k.Identity.Primary() != "ada@example.com" || !k.Identity.Emails[0].Verified {
		t.Fatalf("the session belongs to %+v, %v", k, err)
	}
	in, err := h.signIn(" ADA@example.com ", good)
	if err != nil || in.State != countersign.Complete || in.Secret == done.Secret {
		t.Fatalf("sign-in: %+v, %v", in, err)
	}
}

func TestAnAttemptIsCompletedOnce(t *testing.T) {
	h := newHouse(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw(good)})
	right := h.code("ada@example.com")
	h.answer(r.ID, mailed(right))
	h.refused("the same code again", r.ID, mailed(right), countersign.ErrExpired)
	h.refused("an unknown attempt", "att_00000000000000000000000000000000", mailed(right), countersign.ErrNotFound)
	h.refused("a malformed attempt", "att_'; DROP TABLE attempts", mailed(right), countersign.ErrNotFound)
}

func TestAStrangerLearnsNothingFromSignIn(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	known := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	stranger := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "eve@example.com"})
	if fmt.Sprint(known.Methods, known.Assurance, known.State) != fmt.Sprint(stranger.Methods, stranger.Assurance, stranger.State) {
		t.Errorf("known %+v, stranger %+v", known, stranger)
	}
	for i := range 7 {
		_, a := h.Answer(t.Context(), h.me, known.ID, pw("wrong wrong wrong"))
		_, b := h.Answer(t.Context(), h.me, stranger.ID, pw("wrong wrong wrong"))
		if a.Error() != b.Error() {
			t.Errorf("guess %d: known %v, stranger %v", i, a, b)
		}
	}
}

func TestSignUpDoesNotTellThatAnAddressIsTaken(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	fresh := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "eve@example.com", Evidence: pw(good)})
	taken := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw(good)})
	if fmt.Sprint(fresh.State, len(fresh.Methods), fresh.Methods[0].Method, fresh.Assurance) != fmt.Sprint(taken.State, len(taken.Methods), taken.Methods[0].Method, taken.Assurance) {
		t.Errorf("fresh %+v, taken %+v", fresh, taken)
	}
	letter := h.newest("ada@example.com")
	if letter.Template != "sign_up_taken" || letter.Data["code"] != "" || letter.Data["link"] != "" {
		t.Errorf("the owner gets %s with a code or a link: %v", letter.Template, letter.Data["code"] != "")
	}
	h.refused("any code", taken.ID, mailed("12345678"), countersign.ErrNoMatch)
}

func TestRecoveryProvesBeforeItChangesAnything(t *testing.T) {
	h := newHouse(t)
	old := h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	h.refused("a new password before the code", r.ID, pw("another fine long password"), countersign.ErrNoMatch)
	r = h.answer(r.ID, mailed(h.code("ada@example.com")))
	if r.Secret != "" || len(r.Methods) != 1 || r.Methods[0].Method != "password" || !r.Methods[0].Enroll {
		t.Fatalf("after the code: %+v", r)
	}
	h.refused("a weak password", r.ID, pw("password1"), countersign.ErrMalformed)
	h.clock.pass(time.Second)
	done := h.answer(r.ID, pw("another fine long password"))
	if done.State != countersign.Complete || done.Secret == "" {
		t.Fatalf("after the new password: %+v", done)
	}
	h.sessions.Forget(old.Proved, "")
	if _, err := h.sessions.Check(t.Context(), old.Secret); !errors.Is(err, countersign.ErrUnauthenticated) {
		t.Errorf("the old session lives: %v", err)
	}
	if _, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("the old password signs in: %v", err)
	}
	if _, err := h.signIn("ada@example.com", "another fine long password"); err != nil {
		t.Errorf("the new password does not sign in: %v", err)
	}
	if got := h.newest("ada@example.com").Template; got != "recovered" {
		t.Errorf("the owner is told %q", got)
	}
}

func TestRecoveryOfNobodyLooksTheSameAndSendsNothing(t *testing.T) {
	h := newHouse(t)
	r := h.start(login.Start{Purpose: countersign.Recover, Identifier: "nobody@example.com"})
	if r.State != countersign.NeedsEvidence || len(r.Methods) != 1 || r.Methods[0].To != "n•••@example.com" {
		t.Errorf("%+v", r)
	}
	if sent := h.letters(); len(sent) != 0 {
		t.Errorf("%d letters to nobody", len(sent))
	}
	h.refused("a code", r.ID, mailed("12345678"), countersign.ErrNoMatch)
}

func TestALinkSpendsNothingUntilItIsFollowed(t *testing.T) {
	h := newHouse(t)
	r := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw(good)})
	token := h.token("ada@example.com")
	for range 3 {
		l, err := h.Link(t.Context(), token)
		if err != nil || l.Attempt != r.ID || l.Address != "ada@example.com" || l.Device.Name != "Firefox on Linux" {
			t.Fatalf("%+v, %v", l, err)
		}
	}
	done, err := h.Follow(t.Context(), h.me, token, r.ID)
	if err != nil || done.State != countersign.Complete || done.Secret == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := h.Follow(t.Context(), h.me, token, r.ID); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("followed twice: %v", err)
	}
	if _, err := h.Link(t.Context(), token); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("still shown: %v", err)
	}
}

// Whoever began a sign-up with somebody else's address chose its password; the
// owner, who only opens the link, must not confirm that one.
func TestALinkInAnotherBrowserDropsWhatTheFirstPrepared(t *testing.T) {
	h := newHouse(t)
	thief := h.start(login.Start{Purpose: countersign.SignUp, Identifier: "ada@example.com", Evidence: pw("the thief chose this one")})
	mine, err := h.Follow(t.Context(), h.me, h.token("ada@example.com"), "")
	if err != nil || mine.Secret != "" || mine.ID == thief.ID || len(mine.Methods) != 1 || !mine.Methods[0].Enroll {
		t.Fatalf("%+v, %v", mine, err)
	}
	h.refused("the first browser goes on", thief.ID, pw("the thief chose this one"), countersign.ErrExpired)
	done := h.answer(mine.ID, pw(good))
	if done.Secret == "" {
		t.Fatalf("%+v", done)
	}
	if _, err := h.signIn("ada@example.com", "the thief chose this one"); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("the thief's password signs in: %v", err)
	}
}

func TestARecoveryLinkElsewhereLeavesNothingToWhoAsked(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	thief := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"})
	mine, err := h.Follow(t.Context(), h.me, h.token("ada@example.com"), "")
	if err != nil || !mine.Methods[0].Enroll {
		t.Fatalf("%+v, %v", mine, err)
	}
	h.refused("the thief sets a password", thief.ID, pw("the thief chose this one"), countersign.ErrExpired)
	if done := h.answer(mine.ID, pw("ada chose another one")); done.Secret == "" {
		t.Errorf("%+v", done)
	}
}

func TestACodeDiesByTriesTimeAndANewerOne(t *testing.T) {
	h := newHouse(t)
	begin := func(address string) countersign.AttemptID {
		return h.start(login.Start{Purpose: countersign.SignUp, Identifier: address, Evidence: pw(good)}).ID
	}
	late := begin("late@example.com")
	right := h.code("late@example.com")
	h.clock.pass(10*time.Minute + time.Second)
	h.refused("an expired code", late, mailed(right), countersign.ErrNoMatch)

	newer := begin("newer@example.com")
	first := h.code("newer@example.com")
	if _, err := h.Ask(t.Context(), h.me, newer, "email_code"); err != nil {
		t.Fatal(err) // this one asks for the code that went out with the start
	}
	if _, err := h.Ask(t.Context(), h.me, newer, "email_code"); !errors.Is(err, countersign.ErrSlowDown) {
		t.Errorf("a second code within a minute: %v", err)
	}
	h.clock.pass(61 * time.Second)
	if _, err := h.Ask(t.Context(), h.me, newer, "email_code"); err != nil {
		t.Fatal(err)
	}
	if second := h.code("newer@example.com"); second == first {
		t.Fatal("no new code came")
	}
	h.refused("the older code", newer, mailed(first), countersign.ErrNoMatch)

	tried := begin("tried@example.com")
	right = h.code("tried@example.com")
	for range 5 {
		h.refused("a wrong code", tried, mailed("00000000"), countersign.ErrNoMatch)
	}
	if _, err := h.Answer(t.Context(), h.me, tried, mailed(right)); err == nil {
		t.Error("the right code after five wrong ones is accepted")
	}
}

func TestOnlyAsManyGuessesAsTheBudgetAreChecked(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	var wrong, paused, in atomic.Int64
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			guess := fmt.Sprintf("a wrong guess number %d", i)
			if i == 150 {
				guess = good
			}
			switch _, err := h.signIn("ada@example.com", guess); {
			case err == nil:
				in.Add(1)
			case errors.Is(err, countersign.ErrSlowDown):
				paused.Add(1)
			case errors.Is(err, countersign.ErrNoMatch):
				wrong.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() == 0 && wrong.Load() != 5 || wrong.Load() > 9 {
		t.Errorf("%d guesses were checked, %d paused, %d got in; the budget is 5", wrong.Load(), paused.Load(), in.Load())
	}
}

func TestAPauseDoublesAndASuccessEndsIt(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	guess := func() error { _, err := h.signIn("ada@example.com", "wrong wrong wrong"); return err }
	for round, pause := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour} {
		for range 5 {
			if err := guess(); !errors.Is(err, countersign.ErrNoMatch) {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		var e *countersign.Error
		if _, err := h.signIn("ada@example.com", good); !errors.As(err, &e) || e.Code != "rate_limited" || e.RetryAfter < pause-time.Second || e.RetryAfter > pause {
			t.Fatalf("round %d: the right password says %v", round, err)
		}
		h.clock.pass(pause)
	}
	if _, err := h.signIn("ada@example.com", good); err != nil {
		t.Fatalf("after the pause: %v", err)
	}
	for range 5 {
		if err := guess(); !errors.Is(err, countersign.ErrNoMatch) {
			t.Fatalf("after a success: %v", err)
		}
	}
}

func TestAStrangerCannotLockTheOwnersDeviceOut(t *testing.T) {
	h := newHouse(t)
	who := h.person("ada@example.com", good).Proved
	for range 6 {
		h.signIn("ada@example.com", "wrong wrong wrong")
	}
	own := h.me
	own.Known = who
	if _, err := h.Start(t.Context(), own, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}); err != nil {
		t.Errorf("the owner's own device: %v", err)
	}
	other := h.me
	other.Known = "idn_00000000000000000000000000000000"
	if _, err := h.Start(t.Context(), other, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: pw(good)}); !errors.Is(err, countersign.ErrSlowDown) {
		t.Errorf("somebody else's device: %v", err)
	}
}

func TestADisabledIdentityIsAStranger(t *testing.T) {
	h := newHouse(t)
	r := h.person("ada@example.com", good)
	h.clock.pass(2 * time.Minute)
	midway := h.start(login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com"})
	i, _, err := h.db.SubjectOf(t.Context(), r.Proved)
	if err != nil {
		t.Fatal(err)
	}
	i.State = countersign.Disabled
	if err := h.db.Apply(t.Context(), &countersign.Change{Identity: &i, Events: []countersign.Event{{ID: "evt_1", At: h.clock.now(), Action: "test"}}}); err != nil {
		t.Fatal(err)
	}
	h.refused("an attempt begun before", midway.ID, pw(good), countersign.ErrNoMatch)
	if _, err := h.signIn("ada@example.com", good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("sign-in: %v", err)
	}
	if rec := h.start(login.Start{Purpose: countersign.Recover, Identifier: "ada@example.com"}); len(h.letters()) != 1 {
		t.Errorf("recovery %s mails a disabled identity", rec.State)
	}
	h.sessions.Forget(r.Proved, "")
	if _, err := h.sessions.Check(t.Context(), r.Secret); !errors.Is(err, countersign.ErrUnauthenticated) {
		t.Errorf("the session: %v", err)
	}
}

func TestAStepUpReplacesTheSessionAndIsItsOwners(t *testing.T) {
	h := newHouse(t)
	r := h.person("ada@example.com", good)
	if _, err := h.Start(t.Context(), h.me, login.Start{Purpose: countersign.StepUp}); !errors.Is(err, countersign.ErrUnauthenticated) {
		t.Errorf("without a session: %v", err)
	}
	ada := h.carrying(r.Secret)
	h.clock.pass(time.Hour)
	begun, err := h.Start(t.Context(), ada, login.Start{Purpose: countersign.StepUp})
	if err != nil {
		t.Fatal(err)
	}
	h.refused("somebody without that session", begun.ID, pw(good), countersign.ErrNotFound)
	done, err := h.Answer(t.Context(), ada, begun.ID, pw(good))
	if err != nil || done.Secret == r.Secret || done.Session.ID == r.Session.ID {
		t.Fatalf("%+v, %v", done, err)
	}
	if !done.Session.LastProvedAt.Equal(h.clock.now()) || !done.Session.ExpiresAt.Equal(r.Session.ExpiresAt) || !done.Session.AuthenticatedAt.Equal(r.Session.AuthenticatedAt) {
		t.Errorf("before %+v, after %+v", r.Session, done.Session)
	}
	h.sessions.Forget(r.Proved, r.Session.ID)
	if _, err := h.sessions.Check(t.Context(), r.Secret); !errors.Is(err, countersign.ErrUnauthenticated) {
		t.Errorf("the session before lives on: %v", err)
	}
}

func TestEveryRefusalIsRecordedWithItsTrueReason(t *testing.T) {
	h := newHouse(t)
	h.person("ada@example.com", good)
	h.signIn("ada@example.com", "wrong wrong wrong")
	h.clock.pass(time.Second)
	h.signIn("eve@example.com", "wrong wrong wrong")
	refused := h.events("proof.refused")
	if len(refused) != 2 || refused[1].Reason != "wrong password" || refused[0].Reason != "no such identity, or it has no password" {
		t.Errorf("%+v", refused)
	}
	for _, e := range append(refused, h.events("proof.given")...) {
		if e.Network != "192.0.2.1" || e.Method == "" || e.Attempt == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestStrongerHashesReplaceWeakerOnesAtSignIn(t *testing.T) {
	h := newHouse(t)
	r := h.person("ada@example.com", good)
	_, before, _ := h.db.SubjectOf(t.Context(), r.Proved)
	h.Methods["password"] = newPassword(t, h, 128, "")
	if _, err := h.signIn("ada@example.com", good); err != nil {
		t.Fatal(err)
	}
	_, after, _ := h.db.SubjectOf(t.Context(), r.Proved)
	if len(after) != 1 || after[0].ID != before[0].ID || string(after[0].Data) == string(before[0].Data) {
		t.Errorf("%d credentials; renewed: %v", len(after), string(after[0].Data) != string(before[0].Data))
	}
	h.Methods["password"] = newPassword(t, h, 128, "a pepper")
	for range 2 {
		if _, err := h.signIn("ada@example.com", good); err != nil {
			t.Fatalf("with a pepper: %v", err)
		}
	}
	h.Methods["password"] = newPassword(t, h, 128, "")
	if _, err := h.signIn("ada@example.com", good); err == nil || errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("without the pepper it made: %v", err)
	}
}
