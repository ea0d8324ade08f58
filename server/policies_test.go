package server

import (
	"slices"
	"testing"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
)

// built is a server of these settings, and its methods.
func built(t *testing.T, set ...string) (*Server, map[string]countersign.Method) {
	t.Helper()
	c, err := config.Load(config.Source{DataDir: t.TempDir(), Set: append([]string{"operations.listen=", "password.hash.memory_kib=8192", "password.hash.time=1"}, set...)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	methods, err := s.methods()
	if err != nil {
		t.Fatal(err)
	}
	return s, methods
}

func TestEveryMethodSaysWhatItShows(t *testing.T) {
	s, methods := built(t)
	for _, one := range s.makers() {
		m := methods[one.name]
		if m == nil || m.Name() != one.name {
			t.Errorf("%s is wired under another name, or not at all", one.name)
			continue
		}
		if shows := countersign.FactorOf(m) != 0; shows == slices.Contains(absent, one.name) {
			t.Errorf("%s shows a factor: %t", one.name, shows)
		}
	}
}

func TestTheSettingsMakeThePolicies(t *testing.T) {
	s, methods := built(t, "policy.first=password,magic_link", "policy.second=totp", "policy.spare=recovery_code,device,factor_reset", "policy.roles=admin: aal2 phishing_resistant")
	p := s.policies(methods)
	in := p[countersign.SignIn]
	if !slices.Equal(in.Offer, []string{"password", "magic_link"}) || !slices.Equal(in.Second, []string{"totp"}) || !slices.Equal(in.Spare, []string{"recovery_code", "device", "factor_reset"}) {
		t.Errorf("sign-in: %+v", in)
	}
	if len(in.Rules) != 1 || in.Rules[0].Factors != 2 || !in.Rules[0].Bound {
		t.Errorf("rules: %+v", in.Rules)
	}
	if got := p[countersign.StepUp].Spare; !slices.Equal(got, []string{"recovery_code"}) {
		t.Errorf("a step-up accepts what proves nothing now: %v", got)
	}
	// A mailbox must not be the way around the second step.
	if r := p[countersign.Recover]; !slices.Equal(r.Second, []string{"totp"}) || slices.Contains(r.Spare, "device") || !slices.Contains(r.Spare, "factor_reset") {
		t.Errorf("recovery: %+v", r)
	}
}

// A recovery must ask for what a sign-in would: else it is the way around it.
func TestTheRulesOfRolesHoldForARecoveryToo(t *testing.T) {
	s, methods := built(t, "policy.roles=*: aal2 phishing_resistant")
	p := s.policies(methods)
	for _, purpose := range []countersign.Purpose{countersign.SignIn, countersign.Recover} {
		if n := p[purpose].Needs(countersign.Identity{}, s.options.Now()); n.Factors != 2 || !n.Bound {
			t.Errorf("%s needs %+v", purpose, n)
		}
	}
}

func TestOnlyWhatIsListedIsSetUpOnDemand(t *testing.T) {
	s, methods := built(t, "policy.first=password", "policy.spare=recovery_code", "policy.roles=*: aal2")
	if p := s.policies(methods)[countersign.SignIn]; len(p.Strong) != 0 {
		t.Errorf("%v would be asked for though no list names it", p.Strong)
	}
}

func TestWhatCannotWorkIsNotOffered(t *testing.T) {
	s, methods := built(t, "policy.remember_device=0s", "notify.smtp.url=smtp://127.0.0.1:2525", "server.public_url=http://127.0.0.1:8440")
	in := s.policies(methods)[countersign.SignIn]
	if slices.Contains(in.Offer, "sms_code") {
		t.Error("text messages are offered where nothing sends them")
	}
	texting, all := built(t, "link.channel=sms", "notify.smtp.url=smtp://127.0.0.1:2525")
	if p := texting.policies(all)[countersign.SignIn]; slices.Contains(p.Offer, "magic_link") || all["magic_link"].(countersign.Sender).Channel() != "sms" {
		t.Error("links by text message are offered where nothing sends them")
	}
	if slices.Contains(in.Offer, "passkey") || slices.Contains(in.Spare, "passkey") {
		t.Error("passkeys are offered at an address of a network")
	}
	if slices.Contains(in.Spare, "device") || s.Login.Remember != nil {
		t.Error("browsers are remembered though that is turned off")
	}
}

func TestAMethodThatThereIsNotStopsTheStart(t *testing.T) {
	c, err := config.Load(config.Source{DataDir: t.TempDir(), Set: []string{"operations.listen=", "policy.second=topt"}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := New(t.Context(), c, Options{}); err == nil {
		s.Close()
		t.Error("it starts")
	}
}
