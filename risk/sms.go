package risk

import (
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
)

// prefix is how many digits of a number stand for its neighbours. Numbers that
// are bought to be paid for each message come in a row, with 7 digits alike, which
// is a stretch of ten thousand in most countries.
const prefix = 7

// SMS returns what one message to a number in E.164 draws on besides what every
// message does (Send), whether anybody has that number or not: the stretch of
// numbers around it, its country, and all that is sent. The widest comes last, so
// that what a narrower one refuses need not use it up for everybody. What stands
// for nobody's number draws on as many budgets, but on none that numbers have.
func (l Limits) SMS(_ countersign.Caller, number string) []countersign.Budget {
	country, whole := address.Country(number), "all"
	if country == "" {
		country, whole = "none", "none"
	}
	all := rates("sms", hashed("prefix", number[:min(len(number), 1+prefix)]), l.SMSPerPrefix)
	all = append(all, rates("sms", "country:"+country, l.SMSPerCountry)...)
	return append(all, rates("sms", whole, l.SMSPerHour)...)
}

// SMSAllowed reports whether messages go to the country of a number at all. It
// looks at nothing but the number, so that a refusal tells nothing about who has it.
func (l Limits) SMSAllowed(number string) bool {
	country := address.Country(number)
	if country == "" {
		return false
	}
	return len(l.AllowedCountries) == 0 ||
		slices.ContainsFunc(l.AllowedCountries, func(c string) bool { return strings.EqualFold(strings.TrimSpace(c), country) })
}
