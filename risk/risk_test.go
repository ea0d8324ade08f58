package risk_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/risk"
)

var limits = risk.Limits{
	Guesses: 10, Pause: 15 * time.Minute,
	GuessesPerNetwork: []risk.Rate{{Count: 1000, Per: time.Hour}},
	SendPerAddress:    []risk.Rate{{Count: 1, Per: time.Minute}, {Count: 5, Per: time.Hour}},
	SendPerNetwork:    []risk.Rate{{Count: 20, Per: time.Hour}},
}

func keys(list []countersign.Budget) (out []string) {
	for _, b := range list {
		out = append(out, b.Key)
	}
	return out
}

func from(s string) countersign.Caller { return countersign.Caller{From: netip.MustParseAddr(s)} }

func TestAStrangerDrawsOnAsManyBudgetsAsAnIdentity(t *testing.T) {
	known, _ := limits.Guess(from("192.0.2.1"), "idn_a", "ada@example.com", "password")
	stranger, _ := limits.Guess(from("192.0.2.1"), "", "eve@example.com", "password")
	if len(known) != len(stranger) || len(known) != 3 {
		t.Errorf("an identity draws on %d, a stranger on %d; want 3", len(known), len(stranger))
	}
}

func TestOneIdentityHasOneBudgetWhateverItsSpelling(t *testing.T) {
	a, _ := limits.Guess(from("192.0.2.1"), "idn_a", "ada@example.com", "password")
	b, _ := limits.Guess(from("198.51.100.1"), "idn_a", "ada", "password")
	if a[0].Key != b[0].Key {
		t.Errorf("%s and %s are two budgets", a[0].Key, b[0].Key)
	}
}

func TestAKnownDeviceKeepsItsOwnBudgetForItsOwnerOnly(t *testing.T) {
	known := from("192.0.2.1")
	known.Known = "idn_a"
	own, _ := limits.Guess(known, "idn_a", "ada", "password")
	strange, _ := limits.Guess(from("192.0.2.1"), "idn_a", "ada", "password")
	for _, k := range keys(strange)[:2] {
		if slices.Contains(keys(own), k) {
			t.Errorf("a stranger can use up %s of the owner's device", k)
		}
	}
	others, _ := limits.Guess(known, "idn_b", "bob", "password")
	plain, _ := limits.Guess(from("192.0.2.1"), "idn_b", "bob", "password")
	if !slices.Equal(keys(others), keys(plain)) {
		t.Error("a device known to one identity gains a budget for another")
	}
}

func TestNeighboursShareANetwork(t *testing.T) {
	same := func(a, b string, want bool) {
		t.Helper()
		x, y := limits.Send(from(a), "z@example.com"), limits.Send(from(b), "z@example.com")
		if got := x[2].Key == y[2].Key; got != want {
			t.Errorf("%s and %s share a network: %v", a, b, got)
		}
	}
	same("192.0.2.1", "192.0.2.254", true)
	same("192.0.2.1", "192.0.3.1", false)
	same("::ffff:192.0.2.1", "192.0.2.9", true)
	same("2001:db8:1:2::1", "2001:db8:1:ffff::1", true)
	same("2001:db8:1::1", "2001:db8:2::1", false)
	same("fe80::1%eth0", "fe80::2", true)
}

func TestNoKeyHoldsAnAddress(t *testing.T) {
	all, _ := limits.Guess(from("192.0.2.1"), "", "ada@example.com", "password")
	for _, k := range append(keys(all), keys(limits.Send(from("192.0.2.1"), "ada@example.com"))...) {
		if slices.Contains([]byte(k), '@') {
			t.Errorf("%s holds an address", k)
		}
	}
}

// A step-up names nobody: its guesses must not draw on a budget that all share.
func TestWhereNobodyIsNamedNobodySharesABudget(t *testing.T) {
	a, _ := limits.Guess(from("192.0.2.1"), "idn_a", "", "password")
	b, _ := limits.Guess(from("192.0.2.1"), "idn_b", "", "password")
	for _, k := range keys(a)[:2] {
		if slices.Contains(keys(b)[:2], k) {
			t.Errorf("two identities share %s", k)
		}
	}
}
