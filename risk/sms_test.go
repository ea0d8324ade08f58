package risk_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/risk"
)

var priced = risk.Limits{
	SendPerAddress: []risk.Rate{{Count: 1, Per: time.Minute}}, SendPerNetwork: []risk.Rate{{Count: 20, Per: time.Hour}},
	SMSPerPrefix: []risk.Rate{{Count: 20, Per: time.Hour}}, SMSPerCountry: []risk.Rate{{Count: 200, Per: time.Hour}},
	SMSPerHour: []risk.Rate{{Count: 1000, Per: time.Hour}},
}

func TestATextMessageDrawsOnItsPrefixItsCountryAndAll(t *testing.T) {
	all := priced.SMS(from("192.0.2.1"), "+33612345678")
	var most []int
	for _, b := range all {
		most = append(most, b.Max)
		if b.Per == 0 || b.Pause != 0 {
			t.Errorf("%s is no rate", b.Key)
		}
	}
	if !slices.Equal(most, []int{20, 200, 1000}) {
		t.Errorf("the budgets are %v, in this order", most)
	}
	for _, k := range keys(all) {
		if strings.Contains(k, "3361234") {
			t.Errorf("%s holds a number", k)
		}
		if slices.Contains(keys(priced.Send(from("192.0.2.1"), "+33612345678")), k) {
			t.Errorf("%s is drawn on twice for one message", k)
		}
	}
}

// A username behind which there is no number takes as long, and cannot use up what numbers have.
func TestNobodysNumberDrawsAsOftenOnBudgetsOfItsOwn(t *testing.T) {
	number, nobody := keys(priced.SMS(from("192.0.2.1"), "+33612345678")), keys(priced.SMS(from("192.0.2.1"), "nobody's ada"))
	if len(number) != len(nobody) {
		t.Errorf("a number draws on %d, nobody's on %d", len(number), len(nobody))
	}
	for _, k := range nobody {
		if slices.Contains(number, k) {
			t.Errorf("they share %s", k)
		}
	}
}

// shared tells which of the budgets, by place, two messages share.
func shared(a, b string) (places []int) {
	x, y := keys(priced.SMS(from("192.0.2.1"), a)), keys(priced.SMS(from("198.51.100.1"), b))
	for i := range x {
		if x[i] == y[i] {
			places = append(places, i)
		}
	}
	return places
}

func TestNumbersInARowShareABudget(t *testing.T) {
	const prefix, country, all = 0, 1, 2
	for say, c := range map[string]struct {
		a, b string
		want []int
	}{
		"the same number from two networks": {"+33612345678", "+33612345678", []int{prefix, country, all}},
		"numbers in a row":                  {"+33612345678", "+33612349999", []int{prefix, country, all}},
		"one country":                       {"+33612345678", "+33712345678", []int{country, all}},
		"one calling code, two countries":   {"+12125550100", "+18765550100", []int{all}},
		"two countries":                     {"+33612345678", "+491701234567", []int{all}},
	} {
		if got := shared(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: share the budgets %v, want %v", say, got, c.want)
		}
	}
}

func TestOnlyTheCountriesThatAreListedGetMessages(t *testing.T) {
	some := risk.Limits{AllowedCountries: []string{"FR", "de", " us "}}
	for number, want := range map[string]bool{
		"+33612345678": true, "+491701234567": true, "+12125550100": true,
		"+18765550100": false, "+14165550100": false, "+447400123456": false, "+881612345678": false, "": false, "ada@example.com": false,
	} {
		if got := some.SMSAllowed(number); got != want {
			t.Errorf("%q is allowed: %t, want %t", number, got, want)
		}
	}
	for number, want := range map[string]bool{"+33612345678": true, "+18765550100": true, "+881612345678": true, "+19005550100": false, "": false} {
		if got := (risk.Limits{}).SMSAllowed(number); got != want {
			t.Errorf("without a list %q is allowed: %t, want %t", number, got, want)
		}
	}
}

func TestWithoutLimitsAMessageDrawsOnNothing(t *testing.T) {
	if all := (risk.Limits{}).SMS(countersign.Caller{}, "+33612345678"); len(all) != 0 {
		t.Errorf("draws on %v", keys(all))
	}
	priced.SMS(countersign.Caller{}, "") // is not a number, and no panic
}
