// Package risk says what a request may cost before it is refused: which budgets
// a guess, a message or a sign-up draws on. The counting itself is the store's,
// in the database, before anything is checked, so that neither parallel requests
// nor another node get more. It follows OWASP ASVS 5.0 6.3 and NIST SP 800-63B-4 3.2.2.
package risk

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/countersign-id/countersign"
)

// Rate is so many uses in each stretch of time.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limits are the operator's numbers. A zero number or an empty list means no limit.
type Limits struct {
	Guesses           int           // wrong answers in a row, for one identity and method, before a pause
	Pause             time.Duration // the first pause; each following one is twice as long
	GuessesPerNetwork []Rate
	SendPerAddress    []Rate
	SendPerNetwork    []Rate
	SignUpPerNetwork  []Rate
	StartPerNetwork   []Rate

	// What SMS may cost, for each goes to a price list that strangers choose
	// from. The server's settings begin with the numbers in brackets.
	SMSPerPrefix     []Rate   // to numbers that begin with the same 7 digits (20 an hour)
	SMSPerCountry    []Rate   // to one country (200 an hour)
	SMSPerHour       []Rate   // to all together (1000 an hour)
	AllowedCountries []string // ISO 3166-1 codes, "001" for satellites; empty for all (empty)
}

// Guess returns what one answer to a method draws on, and those of them that a
// right answer gives back. A stranger's name counts exactly as an identity's. A
// device that this identity has proved on before keeps a budget of its own, so
// that strangers who guess cannot lock the owner out.
func (l Limits) Guess(by countersign.Caller, who countersign.IdentityID, name, method string) (all []countersign.Budget, back []string) {
	if name == "" {
		name = string(who) // nobody was named, as in a step-up: never one budget for all of them
	}
	stranger := hashed("name", name)
	id := string(who)
	if who == "" {
		id = stranger // the same number of rows, so that it takes the same time
	}
	suffix := ""
	if who != "" && by.Known == who {
		suffix = ":known"
	}
	if l.Guesses > 0 {
		for _, key := range []string{"guess:" + method + ":" + id + suffix, "guess:" + method + ":" + stranger + suffix + ":name"} {
			all = append(all, countersign.Budget{Key: key, Max: l.Guesses, Pause: l.Pause})
			back = append(back, key)
		}
	}
	return append(all, rates("guess", network(by.From), l.GuessesPerNetwork)...), back
}

// Send returns what one message to an address draws on, whether anybody has that address or not.
func (l Limits) Send(by countersign.Caller, address string) []countersign.Budget {
	return append(rates("send", hashed("to", address), l.SendPerAddress), rates("send", network(by.From), l.SendPerNetwork)...)
}

// SignUp returns what one new account draws on.
func (l Limits) SignUp(by countersign.Caller) []countersign.Budget {
	return rates("sign_up", network(by.From), l.SignUpPerNetwork)
}

// Start returns what beginning an attempt draws on.
func (l Limits) Start(by countersign.Caller) []countersign.Budget {
	return rates("start", network(by.From), l.StartPerNetwork)
}

// Refusal returns what writing down one more refusal for want of budget draws on.
// The first of each minute tell the story; a flood must not fill the audit log.
func (l Limits) Refusal(by countersign.Caller) []countersign.Budget {
	return rates("refusal", network(by.From), []Rate{{60, time.Minute}})
}

func rates(what, whom string, list []Rate) (all []countersign.Budget) {
	for _, r := range list {
		if r.Count > 0 && r.Per > 0 {
			all = append(all, countersign.Budget{Key: what + ":" + whom + ":" + r.Per.String(), Max: r.Count, Per: r.Per})
		}
	}
	return all
}

// network is the /24 or /48 that an address belongs to: what one subscriber or
// one site usually has, so that hopping within it gains nothing.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "net:unknown"
	}
	return "net:" + p.String()
}

// hashed keeps addresses out of the table of budgets.
func hashed(what, name string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + name))
	return what + ":" + hex.EncodeToString(sum[:16])
}
