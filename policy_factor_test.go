package countersign_test

import (
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

// usual is the policy of a sign-in as it comes.
var usual = countersign.Policy{
	Offer:  []string{"passkey", "password", "email_code"},
	Second: []string{"totp"},
	Spare:  []string{"passkey", "recovery_code", "device", "factor_reset"},
	Strong: []string{"passkey"},
	Shows: map[string]countersign.Factor{
		"passkey": countersign.Has | countersign.Is, "password": countersign.Knows, "email_code": countersign.Has,
		"totp": countersign.Has, "recovery_code": countersign.Has,
	},
}

var (
	mail     = proved("email_code", countersign.Has, 0)
	key      = bound(proved("passkey", countersign.Has, 0)) // touched, nothing more
	spare    = proved("recovery_code", countersign.Has, 0)
	browser  = proved("device", 0, 0)
	reset    = proved("factor_reset", 0, 0)
	hardware = held(passkey)
)

func held(p countersign.Proof) countersign.Proof {
	p.Hard = true
	return p
}

// able says by what the identity can prove itself.
func able(methods ...string) func(*countersign.Attempt) {
	return func(a *countersign.Attempt) { a.Can = methods }
}

func needs(n countersign.Needs) func(*countersign.Attempt) {
	return func(a *countersign.Attempt) { a.Needs = n }
}

// setUp asks to set one of these up.
func setUp(methods ...string) countersign.More {
	return countersign.More{Methods: methods, Enroll: true}
}

func TestWhoHasASecondStepMustTakeIt(t *testing.T) {
	c := court{t, usual}
	plain, guarded := able("password", "email_code"), able("password", "email_code", "totp", "recovery_code")
	c.allow("a password, of somebody who has nothing else", but(attempt(password), plain), countersign.AAL1)
	c.more("a password, of somebody with an authenticator app", but(attempt(password), guarded), next("totp", "recovery_code"))
	c.more("a mailed code, of the same", but(attempt(mail), guarded), next("totp", "recovery_code"))
	c.allow("password, then totp", but(attempt(password, totp), guarded), countersign.AAL2)
	c.allow("password, then a recovery code", but(attempt(password, spare), guarded), countersign.AAL2)
	c.allow("a passkey with a fingerprint is both steps", but(attempt(passkey), able("passkey", "totp")), countersign.AAL2)
	c.allow("a mailed code, then totp: two steps, one kind of thing", but(attempt(mail, totp), guarded), countersign.AAL1)
	c.allow("a password in a remembered browser", but(attempt(password, browser), guarded), countersign.AAL1)
	c.allow("a password and a reset that has waited", but(attempt(password, reset), guarded), countersign.AAL1)
	c.more("a password and a mailed code: neither is a second step", but(attempt(password, mail), guarded), next("totp", "recovery_code"))
	c.more("a remembered browser alone", but(attempt(browser), guarded), next("totp", "recovery_code", "password", "email_code"))
	c.more("a touched key, of somebody with an authenticator app", but(attempt(key), able("passkey", "password", "totp")), next("totp", "password"))
	c.allow("a touched key, then a password", but(attempt(key, password), able("passkey", "password", "totp")), countersign.AAL2)
}

func TestOnlyOneOfTheFirstMethodsCounts(t *testing.T) {
	c := court{t, usual}
	two := needs(countersign.Needs{Factors: 2})
	c.more("a password and a mailed code, where two factors are needed", but(but(attempt(password, mail), able("password", "email_code")), two), setUp("totp", "passkey"))
	c.more("a mailed code and totp, where two factors are needed", but(but(attempt(mail, totp), able("password", "email_code", "totp")), two), next("password"))
	c.allow("the best of the two counts", but(but(attempt(mail, password, totp), able("password", "email_code", "totp")), two), countersign.AAL2)
	operators := usual
	operators.Second = []string{"totp", "email_code"}
	court{t, operators}.allow("a mailed code as second step, where the operator says so", but(but(attempt(password, mail), able("password", "email_code")), two), countersign.AAL2)
}

func TestARoleNeedsMore(t *testing.T) {
	p := usual
	start := noon.Add(-24 * time.Hour)
	p.Rules = []countersign.Rule{{Role: "admin", Factors: 2, Grace: 7 * 24 * time.Hour}, {Role: "auditor", Factors: 2, Bound: true, From: noon.Add(time.Hour)}, {Factors: 1}}
	old := countersign.Identity{Roles: []string{"admin"}, CreatedAt: noon.Add(-30 * 24 * time.Hour)}
	for say, want := range map[string]struct {
		who  countersign.Identity
		at   time.Time
		need countersign.Needs
	}{
		"an old administrator":                   {old, noon, countersign.Needs{Factors: 2}},
		"a new one has time to set it up":        {countersign.Identity{Roles: []string{"admin"}, CreatedAt: start}, noon, countersign.Needs{Factors: 1}},
		"anybody else":                           {countersign.Identity{CreatedAt: start}, noon, countersign.Needs{Factors: 1}},
		"an auditor before the day":              {countersign.Identity{Roles: []string{"auditor"}}, noon, countersign.Needs{Factors: 1}},
		"an auditor on the day":                  {countersign.Identity{Roles: []string{"auditor"}}, noon.Add(time.Hour), countersign.Needs{Factors: 2, Bound: true}},
		"a role whose name only begins the same": {countersign.Identity{Roles: []string{"administrator"}}, noon, countersign.Needs{Factors: 1}},
	} {
		if got := p.Needs(want.who, want.at); got != want.need {
			t.Errorf("%s needs %+v, want %+v", say, got, want.need)
		}
	}
	c := court{t, p}
	admin, auditor := needs(countersign.Needs{Factors: 2}), needs(countersign.Needs{Factors: 2, Bound: true})
	c.more("an administrator without a second step sets one up", but(but(attempt(password), able("password", "email_code")), admin), setUp("totp", "passkey"))
	c.more("an administrator with one shows it", but(but(attempt(password), able("password", "passkey")), admin), next("passkey"))
	c.allow("an administrator with a passkey", but(but(attempt(passkey), able("passkey")), admin), countersign.AAL2)
	c.more("an administrator in a remembered browser", but(but(attempt(password, browser), able("password", "totp")), admin), next("totp"))
	c.more("an auditor with an app alone shows it first", but(but(attempt(password), able("password", "totp")), auditor), next("totp"))
	c.more("and then sets up what cannot be phished", but(but(attempt(password, totp), able("password", "totp")), auditor), setUp("passkey"))
	c.allow("an auditor with a passkey", but(but(attempt(passkey), able("passkey", "totp")), auditor), countersign.AAL2)
}

func TestAKeyThatStaysInItsDeviceIsTheThirdLevel(t *testing.T) {
	c := court{t, usual}
	c.allow("with a fingerprint", but(attempt(hardware), able("passkey")), countersign.AAL3)
	c.allow("touched, after a password", but(attempt(password, held(key)), able("passkey", "password")), countersign.AAL3)
	c.allow("touched, alone", but(attempt(held(key)), able("passkey")), countersign.AAL1)
	unbound := proved("card", countersign.Has|countersign.Knows, 0)
	c.allow("one that can be phished", but(attempt(held(unbound)), able("card")), countersign.AAL2)
}

func TestAStepUpAsksForWhatIsMissing(t *testing.T) {
	p := usual
	p.Spare = []string{"passkey", "recovery_code"} // a remembered browser has not proved anything now
	c := court{t, p}
	with := func(before ...countersign.Proof) func(*countersign.Attempt) {
		return func(a *countersign.Attempt) { a.Before, a.Can = before, []string{"email_code", "password", "totp"} }
	}
	c.more("nothing fresh", but(attempt(), with(password, totp)), next("totp"))
	c.more("nothing fresh, of who has no second step", but(but(attempt(), with(password)), able("password", "email_code")), next("password", "email_code"))
	// Whoever carries off a session has what it was opened with for nothing, and a mailbox or a password is not the second step.
	c.more("a password again, in a session of two steps", but(attempt(password), with(password, totp)), next("totp"))
	c.more("a mailed code, in a session of two steps", but(attempt(mail), with(password, totp)), next("totp"))
	c.allow("totp alone, in a session of two steps", but(attempt(totp), with(password, totp)), countersign.AAL2)
	c.allow("totp alone, in a session of a password", but(attempt(totp), with(password)), countersign.AAL2)
	c.more("a password again, in a session of a remembered browser", but(attempt(password), with(password, browser)), next("totp"))
	c.deny("a proof of Eve in Ada's session", but(attempt(eves), with(password)), "two identities in one attempt")
}

func TestTwoMethodsOfOneMailboxAreOne(t *testing.T) {
	p := usual
	p.Offer, p.Second = []string{"password", "magic_link", "email_code"}, []string{"totp", "email_code"}
	p.Channel = map[string]string{"magic_link": "email", "email_code": "email", "sms_code": "sms"}
	c := court{t, p}
	link := proved("magic_link", countersign.Has, 0)
	c.more("link and code", but(attempt(link, mail), able("password", "email_code", "magic_link")), next("password"))
	c.allow("password and code", but(attempt(password, mail), able("password", "email_code")), countersign.AAL2)
	lost := p
	lost.Offer, lost.Second, lost.Lost = []string{"email_code", "sms_code"}, []string{"totp", "sms_code", "email_code"}, true
	c = court{t, lost}
	c.allow("a recovery by the only mailbox", but(attempt(mail), able("email_code")), countersign.AAL1)
	c.more("a recovery of who has a telephone too", but(attempt(mail), able("email_code", "sms_code")), next("sms_code"))
}

func TestASecondMethodMayNotProveFirst(t *testing.T) {
	for _, m := range []string{"totp", "recovery_code", "device", "factor_reset", "unknown", ""} {
		if usual.May(attempt(), m) {
			t.Errorf("%q may prove first", m)
		}
	}
	for _, m := range []string{"totp", "recovery_code", "device", "factor_reset"} {
		if !usual.May(attempt(password), m) {
			t.Errorf("%s may not prove after a password", m)
		}
	}
	if usual.May(attempt(password), "unknown") {
		t.Error("an unknown method may prove")
	}
}

func TestARecoveryNeedsASecondStepOfWhateverKind(t *testing.T) {
	p := usual
	p.Offer, p.Lost, p.Enroll = []string{"email_code"}, true, []string{"password"}
	c := court{t, p}
	two := needs(countersign.Needs{Factors: 2})
	c.more("the mail alone, of somebody with nothing else", but(but(attempt(mail), able("email_code")), two), setUp("totp", "passkey"))
	c.more("the mail alone, of somebody with an app", but(but(attempt(mail), able("email_code", "totp")), two), next("totp"))
	c.more("mail and app, both things one has", but(but(attempt(mail, totp), able("email_code", "totp")), two), setUp("password"))
	c.more("mail twice", but(but(attempt(mail, mail), able("email_code")), two), setUp("totp", "passkey"))
}
