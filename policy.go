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
	Session    SessionID // the session that steps up
	Device     Device    // which device asked
	Asked      string    // the method whose challenge went out unasked; the first request for it is answered by that one
	Decoy      bool      // nothing can complete it: it only looks like one that can be
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
	Factors  int           // how many different factors; at least one is always needed
	Bound    bool          // whether at least one proof must resist phishing
	MaxAge   time.Duration // how old a proof may be; 0 for no limit
	Offer    []string      // methods that may prove, best first
	Enroll   []string      // methods of which one must be set up in the attempt
	OddNeeds int           // factors needed when the risk is Odd
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
	who := a.Identity
	var have Factor
	var bound bool
	var used []string
	for _, pr := range a.Proofs {
		if pr.Identity == "" || who != "" && pr.Identity != who {
			return Refused{"two identities in one attempt"}
		}
		if who = pr.Identity; p.MaxAge > 0 && now.Sub(pr.At) > p.MaxAge {
			continue
		}
		have, bound = have|pr.Factor, bound || pr.Bound
		used = append(used, pr.Method)
	}
	need := max(p.Factors, 1)
	if a.Risk == Odd {
		need = max(need, p.OddNeeds)
	}
	if a.Decoy || who == "" || have.Count() < need || p.Bound && !bound {
		return More{Methods: p.rest(used)}
	}
	if len(p.Enroll) > 0 && !slices.ContainsFunc(a.Enrolled, func(c Credential) bool { return slices.Contains(p.Enroll, c.Method) }) {
		return More{Methods: slices.Clone(p.Enroll), Enroll: true}
	}
	return Enough{a.ID, who, used, assurance(have), now}
}

func (p Policy) rest(used []string) []string {
	return slices.DeleteFunc(slices.Clone(p.Offer), func(m string) bool { return slices.Contains(used, m) })
}

// Required is the level that the policy's factors amount to.
func (p Policy) Required() Assurance {
	if p.Factors > 1 {
		return AAL2
	}
	return AAL1
}

// Reached is the level that the attempt's proofs amount to so far.
func (a Attempt) Reached() Assurance {
	var have Factor
	for _, p := range a.Proofs {
		have |= p.Factor
	}
	return assurance(have)
}

func assurance(have Factor) Assurance {
	switch have.Count() {
	case 0:
		return AAL0
	case 1:
		return AAL1
	default:
		return AAL2
	}
}
