package countersign_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// proved makes a proof of Ada, as old as it says.
func proved(method string, f countersign.Factor, age time.Duration) countersign.Proof {
	return countersign.Proof{Identity: "idn_ada", Method: method, Factor: f, At: noon.Add(-age)}
}

var (
	password = proved("password", countersign.Knows, 0)
	phrase   = proved("phrase", countersign.Knows, 0)
	totp     = proved("totp", countersign.Has, 0)
	passkey  = bound(proved("passkey", countersign.Has|countersign.Is, 0))
	eves     = countersign.Proof{Identity: "idn_eve", Method: "totp", Factor: countersign.Has, At: noon}
	nobodys  = countersign.Proof{Method: "totp", Factor: countersign.Has, At: noon}
)

func bound(p countersign.Proof) countersign.Proof {
	p.Bound = true
	return p
}

// attempt is an open one, with proofs.
func attempt(proofs ...countersign.Proof) countersign.Attempt {
	return countersign.Attempt{ID: "att_1", State: countersign.NeedsEvidence, Expires: noon.Add(time.Minute), Proofs: proofs}
}

// but changes an attempt.
func but(a countersign.Attempt, change func(*countersign.Attempt)) countersign.Attempt {
	change(&a)
	return a
}

// court judges by one policy; its methods read as sentences.
type court struct {
	*testing.T
	countersign.Policy
}

func (c court) allow(what string, a countersign.Attempt, want countersign.Assurance) {
	c.Helper()
	e, ok := c.Judge(a, noon).(countersign.Enough)
	if !ok || e.Identity() != "idn_ada" || e.Attempt() != a.ID || e.Assurance() != want || !e.At().Equal(noon) {
		c.Errorf("%s: %#v, want enough for %d", what, c.Judge(a, noon), want)
	}
}

func (c court) more(what string, a countersign.Attempt, want countersign.More) {
	c.Helper()
	if diff := cmp.Diff(countersign.Verdict(want), c.Judge(a, noon), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		c.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func (c court) deny(what string, a countersign.Attempt, reason string) {
	c.Helper()
	if v := c.Judge(a, noon); v != (countersign.Refused{Reason: reason}) {
		c.Errorf("%s: %#v, want refused: %s", what, v, reason)
	}
}

// next asks for proofs by these methods.
func next(methods ...string) countersign.More { return countersign.More{Methods: methods} }

var all = []string{"passkey", "password", "phrase", "totp"}

func TestOneFactorIsAlwaysNeeded(t *testing.T) {
	c := court{t, countersign.Policy{Offer: all}}
	c.allow("a password", attempt(password), countersign.AAL1)
	c.allow("a passkey with a fingerprint", attempt(passkey), countersign.AAL2)
	c.more("nothing", attempt(), next(all...))
	c.more("nothing, about somebody known", but(attempt(), func(a *countersign.Attempt) { a.Identity = "idn_ada" }), next(all...))
	c.more("a proof without a factor", attempt(proved("phrase", 0, 0)), next("passkey", "password", "totp"))
	c = court{t, countersign.Policy{Factors: -1}}
	c.more("nothing, where the policy is nonsense", attempt(), countersign.More{})
}

func TestTwoFactorsAreTwoKinds(t *testing.T) {
	c := court{t, countersign.Policy{Factors: 2, Offer: all}}
	c.allow("password, then totp", attempt(password, totp), countersign.AAL2)
	c.allow("totp, then password", attempt(totp, password), countersign.AAL2)
	c.allow("a passkey with a fingerprint alone", attempt(passkey), countersign.AAL2)
	c.more("a password alone", attempt(password), next("passkey", "phrase", "totp"))
	c.more("a thing alone", attempt(totp), next("passkey", "password", "phrase"))
	c.more("a body alone", attempt(proved("face", countersign.Is, 0)), next(all...))
	c.more("the password twice", attempt(password, password), next("passkey", "phrase", "totp"))
	c.more("two things one knows", attempt(password, phrase), next("passkey", "totp"))
}

func TestAProofThatCanBePhishedIsNotBound(t *testing.T) {
	c := court{t, countersign.Policy{Bound: true, Offer: all}}
	c.allow("a passkey", attempt(passkey), countersign.AAL2)
	c.allow("password, then passkey", attempt(password, passkey), countersign.AAL2)
	c.more("password, then totp", attempt(password, totp), next("passkey", "phrase"))
	old := court{t, countersign.Policy{Bound: true, MaxAge: time.Hour, Offer: all}}
	old.more("a fresh password and a passkey of yesterday", attempt(password, bound(proved("passkey", countersign.Has, 24*time.Hour))), next("passkey", "phrase", "totp"))
}

func TestAnOldProofDoesNotCount(t *testing.T) {
	c := court{t, countersign.Policy{Factors: 2, MaxAge: time.Hour, Offer: all}}
	stale := proved("totp", countersign.Has, time.Hour+1)
	c.allow("one of exactly an hour", attempt(password, proved("totp", countersign.Has, time.Hour)), countersign.AAL2)
	c.more("one that is older", attempt(password, stale), next("passkey", "phrase", "totp"))
	c.more("one without a time", attempt(countersign.Proof{Identity: "idn_ada", Method: "totp", Factor: countersign.Has}), next(all...))
	court{t, countersign.Policy{Factors: 2}}.allow("an old one, where no age is set", attempt(password, stale), countersign.AAL2)
	// An old proof still says whom the attempt is about.
	c.deny("an old one of Ada and a fresh one of Eve", attempt(stale, eves), "two identities in one attempt")
}

func TestTwoPeopleAreRefused(t *testing.T) {
	c := court{t, countersign.Policy{Offer: all}}
	about := func(i countersign.IdentityID) func(*countersign.Attempt) {
		return func(a *countersign.Attempt) { a.Identity = i }
	}
	c.allow("Ada's proof in Ada's attempt", but(attempt(password), about("idn_ada")), countersign.AAL1)
	c.deny("Ada's and Eve's", attempt(password, eves), "two identities in one attempt")
	c.deny("Eve's in Ada's attempt", but(attempt(eves), about("idn_ada")), "two identities in one attempt")
	c.deny("Ada's in Eve's attempt", but(attempt(password), about("idn_eve")), "two identities in one attempt")
	c.deny("nobody's", attempt(nobodys), "two identities in one attempt")
	c.deny("Ada's and nobody's", attempt(password, nobodys), "two identities in one attempt")
}

func TestAnOddPlaceNeedsMoreAndAHostileOneGetsNothing(t *testing.T) {
	c := court{t, countersign.Policy{Factors: 1, OddNeeds: 2, Offer: all}}
	from := func(r countersign.Risk) func(*countersign.Attempt) {
		return func(a *countersign.Attempt) { a.Risk = r }
	}
	c.allow("a password from the usual place", attempt(password), countersign.AAL1)
	c.more("a password from an odd one", but(attempt(password), from(countersign.Odd)), next("passkey", "phrase", "totp"))
	c.allow("password, then totp, from an odd one", but(attempt(password, totp), from(countersign.Odd)), countersign.AAL2)
	c.deny("a passkey from a hostile one", but(attempt(passkey), from(countersign.Hostile)), "hostile")
	strict := court{t, countersign.Policy{Factors: 2, OddNeeds: 1, Offer: all}}
	strict.more("an odd place where less would be needed", but(attempt(password), from(countersign.Odd)), next("passkey", "phrase", "totp"))
}

func TestWhatIsOverStaysOver(t *testing.T) {
	c := court{t, countersign.Policy{Offer: all}}
	for _, s := range []countersign.AttemptState{countersign.Complete, countersign.Failed, countersign.Expired, "", "open"} {
		c.deny(fmt.Sprintf("an attempt that is %q", s), but(attempt(password), func(a *countersign.Attempt) { a.State = s }), "not open")
	}
	ends := func(at time.Time) func(*countersign.Attempt) { return func(a *countersign.Attempt) { a.Expires = at } }
	c.allow("the last moment", but(attempt(password), ends(noon.Add(1))), countersign.AAL1)
	c.deny("the moment it ends", but(attempt(password), ends(noon)), "expired")
	c.deny("one that has no end", but(attempt(password), ends(time.Time{})), "expired")
}

func TestADecoyAsksForeverAndNeverEnds(t *testing.T) {
	c := court{t, countersign.Policy{Factors: 1, Offer: []string{"password"}, Enroll: []string{"password"}}}
	decoy := func(a *countersign.Attempt) {
		a.Decoy, a.Identity, a.Enrolled = true, "idn_ada", []countersign.Credential{{Method: "password"}}
	}
	c.more("a decoy without proof", but(attempt(), decoy), next("password"))
	c.more("a decoy with every proof there is", but(attempt(passkey, totp, phrase), decoy), next("password"))
}

func TestWhatMustBeSetUpIsSetUpLast(t *testing.T) {
	c := court{t, countersign.Policy{Offer: []string{"email_code"}, Enroll: []string{"password", "passkey"}}}
	mail := proved("email_code", countersign.Has, 0)
	enrolled := func(methods ...string) func(*countersign.Attempt) {
		return func(a *countersign.Attempt) {
			for _, m := range methods {
				a.Enrolled = append(a.Enrolled, countersign.Credential{Method: m})
			}
		}
	}
	c.more("neither proved nor set up", attempt(), next("email_code"))
	c.more("set up but not proved", but(attempt(), enrolled("password")), next("email_code"))
	c.more("proved but not set up", attempt(mail), countersign.More{Methods: []string{"password", "passkey"}, Enroll: true})
	c.more("something else set up", but(attempt(mail), enrolled("totp")), countersign.More{Methods: []string{"password", "passkey"}, Enroll: true})
	c.allow("proved, and one of them set up", but(attempt(mail), enrolled("passkey")), countersign.AAL1)
}

// Judge is pure: neither what it is given nor what it gave can be changed through the other.
func TestAVerdictSharesNothingWithThePolicy(t *testing.T) {
	p := countersign.Policy{Offer: []string{"password", "totp"}, Enroll: []string{"passkey"}}
	p.Judge(attempt(), noon).(countersign.More).Methods[0] = "changed"
	p.Judge(attempt(totp), noon).(countersign.More).Methods[0] = "changed"
	if diff := cmp.Diff(countersign.Policy{Offer: []string{"password", "totp"}, Enroll: []string{"passkey"}}, p); diff != "" {
		t.Errorf("the policy has changed\n%s", diff)
	}
	e := countersign.Policy{}.Judge(attempt(password, totp), noon).(countersign.Enough)
	e.Methods()[0] = "changed"
	if diff := cmp.Diff([]string{"password", "totp"}, e.Methods()); diff != "" {
		t.Errorf("the verdict has changed\n%s", diff)
	}
}

// Nobody outside can make an Enough that names somebody: it has no field to
// set, not even through JSON, and a verdict of another kind is none.
func TestEnoughIsNotForged(t *testing.T) {
	kind := reflect.TypeFor[countersign.Enough]()
	for i := range kind.NumField() {
		if f := kind.Field(i); f.IsExported() {
			t.Errorf("the field %s can be set from outside", f.Name)
		}
	}
	for i := range kind.NumMethod() {
		if m := reflect.PointerTo(kind).Method(i); m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
			t.Errorf("the method %s takes something", m.Name)
		}
	}
	if reflect.PointerTo(kind).NumMethod() != kind.NumMethod() {
		t.Error("a method has a pointer, and could change it")
	}
	var zero countersign.Enough
	if zero.Identity() != "" || zero.Attempt() != "" || zero.Assurance() != countersign.AAL0 || len(zero.Methods()) != 0 || !zero.At().IsZero() {
		t.Errorf("the zero Enough says %+v", zero)
	}
	for _, v := range []countersign.Verdict{countersign.More{}, countersign.Refused{}} {
		if _, ok := v.(countersign.Enough); ok {
			t.Errorf("%T passes for enough", v)
		}
	}
}

func TestLevelsOfAssurance(t *testing.T) {
	for level, want := range map[countersign.Assurance]string{countersign.AAL0: "aal0", countersign.AAL1: "aal1", countersign.AAL2: "aal2", countersign.AAL3: "aal3"} {
		text, err := level.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("%d is written %s, %v", level, text, err)
		}
		var back countersign.Assurance
		if err := back.UnmarshalText(text); err != nil || back != level {
			t.Errorf("%s is read as %d, %v", text, back, err)
		}
	}
	for _, bad := range []string{"", "aal", "aal4", "aal/", "AAL1", "aal10", "xal1", "1"} {
		level := countersign.AAL2
		if err := level.UnmarshalText([]byte(bad)); err == nil || level != countersign.AAL2 {
			t.Errorf("%q is read as %d", bad, level)
		}
	}
	if got := (countersign.Policy{}).Reached(attempt(password, totp), noon); got != countersign.AAL2 {
		t.Errorf("two factors reach %d", got)
	}
	if got := (countersign.Policy{}).Reached(attempt(), noon); got != countersign.AAL0 {
		t.Errorf("no proof reaches %d", got)
	}
	for factors, want := range map[int]countersign.Assurance{0: countersign.AAL1, 1: countersign.AAL1, 2: countersign.AAL2} {
		if got := (countersign.Policy{Factors: factors}).Required(attempt()); got != want {
			t.Errorf("%d factors require %d", factors, got)
		}
	}
}
