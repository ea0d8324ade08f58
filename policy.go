package countersign

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Purpose says what an attempt is for.
type Purpose string

// The purposes of an attempt.
const (
	SignIn    Purpose = "sign_in"
	SignUp    Purpose = "sign_up"
	VerifyOwn Purpose = "verify" // prove that an address is yours
	Recover   Purpose = "recover"
	StepUp    Purpose = "step_up"
)

// AttemptState is how far an attempt has come.
type AttemptState string

// The states of an attempt, as callers see them. An expired one is stored as it was.
const (
	NeedsEvidence AttemptState = "needs_evidence"
	Complete      AttemptState = "complete"
	Failed        AttemptState = "failed"
	Expired       AttemptState = "expired"
)

// Attempt is a sign-in, sign-up, recovery or step-up in progress: whom it is
// about and the proofs gathered so far.
type Attempt struct {
	ID         AttemptID
	Purpose    Purpose
	State      AttemptState
	Identity   IdentityID // empty while it is about a stranger
	Identifier string     // as it was given, normalised
	Proofs     []Proof
	Enrolled   []Credential // set up during the attempt, stored only when it is enough
	Name       string       // a sign-up's traits
	Locale     string
	Metadata   json.RawMessage
	Issue      string // the pass that was asked for
	ReturnTo   string
	Session    SessionID         // the session that steps up
	Device     Device            // which device asked
	Before     []Proof           // what the session was opened with, when it steps up
	Can        []string          // methods that the identity can prove by; known once something was proved
	Needs      Needs             // what its roles or the caller ask for
	Masked     map[string]string // where the identity is reached, masked, by channel; likewise
	Ready      time.Time         // when a reset of lost factors that waits will prove; zero for none
	Sent       string            // the method whose challenge went out last
	Of         int64             // the version of the identity that was proved first
	Bare       bool              // a sign-up without a credential: the address is the way in
	Asked      string            // the method whose challenge went out unasked; the first request for it is answered by that one
	Decoy      bool              // nothing can complete it: it only looks like one that can be
	Risk       Risk
	CreatedAt  time.Time
	Expires    time.Time

	// Version counts the stored changes; of two writers with one version the
	// second is refused, so an attempt is completed at most once.
	Version int64
}

// Risk is the judgement about where a request comes from.
type Risk uint8

// The levels of risk.
const (
	Usual Risk = iota
	Odd
	Hostile
)

// Assurance is a NIST SP 800-63B-4 authenticator assurance level.
type Assurance uint8

// The levels. AAL0 means nothing was proved.
const (
	AAL0 Assurance = iota
	AAL1
	AAL2
	AAL3
)

// MarshalText writes the level as "aal1".
func (a Assurance) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "aal%d", uint8(a)), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Assurance) UnmarshalText(b []byte) error {
	if len(b) != 4 || string(b[:3]) != "aal" || b[3] < '0' || b[3] > '3' {
		return fmt.Errorf("countersign: %q is no assurance level", b)
	}
	*a = Assurance(b[3] - '0')
	return nil
}

// Policy says how much proof is enough.
type Policy struct {
	Factors  int               // how many different factors; at least one is always needed
	Bound    bool              // whether at least one proof must resist phishing
	MaxAge   time.Duration     // how old a proof may be; 0 for no limit
	Offer    []string          // methods that may prove first, best first
	Second   []string          // methods that may prove after another one, best first; who has set up one of them must
	Spare    []string          // methods that stand in for one of Second, and are demanded of nobody
	Strong   []string          // methods whose proofs resist phishing, for who has to set one up
	Shows    map[string]Factor // what a proof by each method shows at most; nil to ask for any that is left
	SetUp    []string          // methods that may be set up by who has to, besides Second and Strong
	Channel  map[string]string // over what each method sends: those of one channel are one
	Lost     bool              // the first factor is what was lost: a second step is enough of whatever kind it is
	Enroll   []string          // methods of which one must be set up in the attempt
	OddNeeds int               // factors needed when the risk is Odd
	Rules    []Rule            // what some identities need beyond this
}

// Rule says what the identities with a role need.
type Rule struct {
	Role    string        // empty for everybody
	Factors int           //
	Bound   bool          // at least one proof must resist phishing
	From    time.Time     // not before then; zero for always
	Grace   time.Duration // how long a new identity without the means is let in to set them up
}

// Needs is what an identity needs beyond the policy of everybody.
type Needs struct {
	Factors int  `json:"factors,omitempty"`
	Bound   bool `json:"bound,omitempty"`
}

// Needs gathers the rules that an identity falls under at that time.
func (p Policy) Needs(i Identity, now time.Time) (n Needs) {
	for _, r := range p.Rules {
		if r.Role != "" && !i.Has(r.Role) || now.Before(r.From) || now.Before(i.CreatedAt.Add(r.Grace)) {
			continue
		}
		n.Factors, n.Bound = max(n.Factors, r.Factors), n.Bound || r.Bound
	}
	return n
}

// Verdict is Enough, More or Refused. Nothing else is possible.
type Verdict interface{ verdict() }

// Enough opens sessions, tokens and certificates. Only Judge can make one.
type Enough struct {
	attempt   AttemptID
	identity  IdentityID
	methods   []string
	assurance Assurance
	at        time.Time
}

// Attempt returns the attempt that was judged.
func (e Enough) Attempt() AttemptID { return e.attempt }

// Identity returns who proved; empty for the zero Enough, which opens nothing.
func (e Enough) Identity() IdentityID { return e.identity }

// Methods returns the methods that proved, in order.
func (e Enough) Methods() []string { return slices.Clone(e.methods) }

// Assurance returns the level that was reached.
func (e Enough) Assurance() Assurance { return e.assurance }

// At returns when it was judged.
func (e Enough) At() time.Time { return e.at }

// More asks for one of the methods next; Enroll says that it is to be set up
// rather than proved.
type More struct {
	Methods []string
	Enroll  bool
}

// Refused ends an attempt. The reason is for the audit log, never for the caller.
type Refused struct{ Reason string }

func (Enough) verdict()  {}
func (More) verdict()    {}
func (Refused) verdict() {}

// Judge weighs an attempt. It is pure: same policy, attempt and time, same verdict.
func (p Policy) Judge(a Attempt, now time.Time) Verdict {
	switch {
	case a.Risk == Hostile:
		return Refused{"hostile"}
	case a.State != NeedsEvidence:
		return Refused{"not open"}
	case !now.Before(a.Expires):
		return Refused{"expired"}
	}
	w, ok := p.weigh(a, now)
	if !ok {
		return Refused{"two identities in one attempt"}
	}
	need := max(p.Factors, a.Needs.Factors, 1)
	if a.Risk == Odd {
		need = max(need, p.OddNeeds)
	}
	strong := p.Bound || a.Needs.Bound
	kinds := w.have.Count() >= need || p.Lost && need == 2 && w.second
	enough := kinds && (!strong || w.bound) && (w.shown || !p.demands(a, w))
	switch {
	case a.Decoy || w.who == "" || len(w.fresh) == 0:
		return More{Methods: p.rest(a, w)}
	case !enough:
		return p.missing(a, w, need > 1, strong)
	case len(p.Enroll) > 0 && !a.Bare && !slices.ContainsFunc(a.Enrolled, func(c Credential) bool { return slices.Contains(p.Enroll, c.Method) }):
		return More{Methods: slices.Clone(p.Enroll), Enroll: true}
	}
	return Enough{a.ID, w.who, w.used, level(w.have, w.bound && w.hard), now}
}

// demands reports whether the identity has set up a second step. That of a recovery
// is not the one that proves the address, for there it is the first.
func (p Policy) demands(a Attempt, w weight) bool {
	return slices.ContainsFunc(p.Second, func(m string) bool {
		return slices.Contains(a.Can, m) && (!p.Lost || !slices.ContainsFunc(w.used, func(u string) bool { return p.same(u, m) }))
	})
}

// same reports whether two methods are one: who reads a mailbox has its codes and its links.
func (p Policy) same(a, b string) bool {
	return a == b || p.Channel[a] != "" && p.Channel[a] == p.Channel[b]
}

// weight is what the proofs of an attempt amount to.
type weight struct {
	who         IdentityID
	have        Factor
	bound, hard bool
	second      bool     // one of the second methods, or what stands in for it, beside another method
	shown       bool     // and in this attempt, not in the session that steps up
	used, fresh []string // methods that count; those of this attempt
}

// weigh adds up the proofs. Where second methods are set apart, of the methods
// that are not among them only one counts, the best: a mailed code after a password
// is no second factor unless the operator says so.
func (p Policy) weigh(a Attempt, now time.Time) (w weight, ok bool) {
	apart := len(p.Second)+len(p.Spare) > 0
	var first []Factor
	w.who = a.Identity
	for n, pr := range slices.Concat(a.Before, a.Proofs) {
		if pr.Identity == "" || w.who != "" && pr.Identity != w.who {
			return w, false
		}
		w.who = pr.Identity
		if p.MaxAge > 0 && now.Sub(pr.At) > p.MaxAge {
			continue
		}
		further := slices.Contains(p.Second, pr.Method) || slices.Contains(p.Spare, pr.Method)
		if !apart || further {
			w.have |= pr.Factor
		} else {
			first = append(first, pr.Factor)
		}
		w.bound, w.hard = w.bound || pr.Bound, w.hard || pr.Hard
		both := further && pr.Factor.Count() > 1
		w.second, w.shown = w.second || both, w.shown || both && n >= len(a.Before)
		if w.used = append(w.used, pr.Method); n >= len(a.Before) {
			w.fresh = append(w.fresh, pr.Method)
		}
	}
	best := w.have
	for _, f := range first {
		if (w.have | f).Count() > best.Count() {
			best = w.have | f
		}
	}
	w.have = best
	for _, m := range w.used {
		others := slices.ContainsFunc(w.used, func(o string) bool { return !p.same(o, m) })
		if others && (slices.Contains(p.Second, m) || slices.Contains(p.Spare, m)) {
			w.second, w.shown = true, w.shown || slices.Contains(w.fresh, m)
		}
	}
	return w, true
}

// missing asks whoever has proved something for the rest: by what they have that
// would help, or, when nothing they have would do, by setting something up.
func (p Policy) missing(a Attempt, w weight, factors, strong bool) Verdict {
	if len(p.Second)+len(p.Spare) == 0 {
		return More{Methods: p.rest(a, w)}
	}
	var next []string
	for _, m := range slices.Concat(p.Second, p.Spare, p.Offer) {
		if slices.Contains(a.Can, m) && !slices.Contains(w.fresh, m) && !slices.Contains(next, m) && p.helps(a, w, m) {
			next = append(next, m)
		}
	}
	lacks := strong && !w.bound && !meet(p.Strong, a.Can)
	if held := w.shown || !p.demands(a, w); lacks && held {
		return More{Methods: slices.Clone(p.Strong), Enroll: true}
	}
	if factors && len(next) == 0 && w.have.Count() < 2 {
		return More{Methods: p.lacking(a, w), Enroll: true}
	}
	return More{Methods: next}
}

// lacking are the methods that would bring another factor, once they are set up.
func (p Policy) lacking(a Attempt, w weight) (made []string) {
	for _, m := range slices.Concat(p.Second, p.Strong, p.SetUp) {
		set := slices.ContainsFunc(a.Enrolled, func(c Credential) bool { return c.Method == m })
		if !set && !slices.Contains(made, m) && (p.Lost || p.Shows == nil || (w.have|p.Shows[m]).Count() > w.have.Count()) {
			made = append(made, m)
		}
	}
	return made
}

// helps reports whether a proof by the method would bring the attempt on.
func (p Policy) helps(a Attempt, w weight, method string) bool {
	if p.Shows == nil {
		return true
	}
	a.Proofs = append(slices.Clone(a.Proofs), Proof{Identity: w.who, Method: method, Factor: p.Shows[method], Bound: slices.Contains(p.Strong, method), At: a.Expires})
	then, ok := p.weigh(a, a.Expires)
	return ok && (then.have.Count() > w.have.Count() || then.shown && !w.shown || then.bound && !w.bound && slices.Contains(p.Strong, method))
}

// meet reports whether two lists have something in common.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

// rest is what may prove first. One who carries a session has told by it what they
// have, and is asked for a second step at once where one is needed; of anybody else it is a secret.
func (p Policy) rest(a Attempt, w weight) []string {
	if len(a.Before) == 0 {
		return slices.DeleteFunc(slices.Clone(p.Offer), func(m string) bool { return slices.Contains(w.used, m) })
	}
	order, second := slices.Concat(p.Offer, p.Second, p.Spare), p.demands(a, w)
	if second {
		order = slices.Concat(p.Second, p.Spare, p.Offer)
	}
	var can []string
	for _, m := range order {
		if slices.Contains(a.Can, m) && !slices.Contains(can, m) && (!second || p.helps(a, w, m)) {
			can = append(can, m)
		}
	}
	return can
}

// May reports whether a method may prove at this point of the attempt: one of
// the second ones only when something was proved before.
func (p Policy) May(a Attempt, method string) bool {
	if slices.Contains(p.Offer, method) {
		return true
	}
	return len(a.Proofs)+len(a.Before) > 0 && (slices.Contains(p.Second, method) || slices.Contains(p.Spare, method))
}

// Knows reports whether the policy names the method at all.
func (p Policy) Knows(method string) bool {
	return slices.Contains(slices.Concat(p.Offer, p.Second, p.Spare, p.Enroll), method)
}

// Required is the level that the attempt must reach.
func (p Policy) Required(a Attempt) Assurance {
	if max(p.Factors, a.Needs.Factors) > 1 {
		return AAL2
	}
	return AAL1
}

// Reached is the level that the attempt's proofs amount to so far.
func (p Policy) Reached(a Attempt, now time.Time) Assurance {
	w, ok := p.weigh(a, now)
	if !ok || len(w.fresh) == 0 {
		return AAL0
	}
	return level(w.have, w.bound && w.hard)
}

// level follows NIST SP 800-63B-4 section 2: two factors are AAL2; with one that
// resists phishing and whose key cannot leave its device, AAL3.
func level(have Factor, hard bool) Assurance {
	switch n := have.Count(); {
	case n == 0:
		return AAL0
	case n == 1:
		return AAL1
	case hard:
		return AAL3
	default:
		return AAL2
	}
}
