// Package refusals is the one list of what every way to prove must refuse:
// wrong, empty, malformed, replayed, expired and somebody else's evidence, a
// disabled identity, a stranger and another origin (OWASP ASVS 5.0 chapter 6).
// It is for tests. The test of a method brings the method and a place to prove
// it in; what is shown there is derived from the evidence that is right, so that
// no method chooses for itself what it is asked to refuse.
package refusals

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

// The people of every House.
const (
	Ada = "ada@example.com"
	Eve = "eve@example.com"
)

// House is the real process over a real database, in which this method alone
// proves. Ada and Eve have accounts, each with evidence of her own.
type House interface {
	// Begin starts a sign-in of a person and returns what proves it; the
	// challenge, where there is one, has gone out.
	Begin(who string) (countersign.AttemptID, json.RawMessage)
	// Answer shows evidence and returns the session token, if there is one.
	Answer(countersign.AttemptID, json.RawMessage) (token string, err error)
	Disable(who string)
	Pass(time.Duration) // moves the clock on
}

// Case is a method with what the list needs to know of it. Method, House,
// Evidence and Life are needed.
type Case struct {
	Method countersign.Method
	House  func(*testing.T) House // a new one each time

	// Evidence proves Ada when the method alone is asked; a new one each time.
	Evidence func(*testing.T) countersign.Evidence

	Life time.Duration // how long an answer is good after it was asked for

	// Again says that the same answer may prove another attempt, as what
	// someone knows does. The zero value is that an answer is good once.
	Again bool

	// Bearer says that the method alone does not tie a challenge to a person:
	// its answer is a long random secret, and the process, which keeps each
	// challenge with its attempt, does. The zero value is that the method ties it too.
	Bearer bool

	// Elsewhere is the answer that another origin would get. A method whose
	// proofs are Bound must bring one; one that brings none must not claim to be.
	Elsewhere json.RawMessage
}

// Run shows the whole list to a method. Each entry first sees the right
// evidence succeed, because a method that refuses everything would pass the rest.
func Run(t *testing.T, c Case) {
	t.Run("the method alone", func(t *testing.T) { alone(t, c) })
	for name, rule := range map[string]func(*testing.T, Case, House){
		"wrong, empty and malformed evidence leave nothing behind": notRight,
		"an answer opens one attempt once":                         replayed,
		"an answer is good for its time only":                      expired,
		"somebody else's answer":                                   foreign,
		"a disabled identity":                                      disabled,
	} {
		t.Run(name, func(t *testing.T) { rule(t, c, c.House(t)) })
	}
}

func notRight(t *testing.T, c Case, h House) {
	for what, bad := range Bad(t, c.Evidence(t).Answer) {
		id, right := h.Begin(Ada)
		refused(t, h, what, id, bad)
		opens(t, h, "the right answer after "+what, id, right)
	}
}

func replayed(t *testing.T, c Case, h House) {
	id, right := h.Begin(Ada)
	opens(t, h, "the right answer", id, right)
	refused(t, h, "the same answer to the same attempt", id, right)
	next, _ := h.Begin(Ada)
	if c.Again {
		opens(t, h, "the same answer to the next attempt", next, right)
		return
	}
	refused(t, h, "the same answer to the next attempt", next, right)
}

func expired(t *testing.T, c Case, h House) {
	id, right := h.Begin(Ada)
	h.Pass(c.Life - time.Second)
	opens(t, h, "the right answer in the last second", id, right)
	id, right = h.Begin(Ada)
	h.Pass(c.Life)
	refused(t, h, "the right answer a second later", id, right)
}

func foreign(t *testing.T, _ Case, h House) {
	hers, ada := h.Begin(Ada)
	other, eve := h.Begin(Eve)
	refused(t, h, "Eve's answer in Ada's attempt", hers, eve)
	refused(t, h, "Ada's answer in Eve's attempt", other, ada)
	opens(t, h, "Ada's answer in Ada's attempt", hers, ada)
	opens(t, h, "Eve's answer in Eve's attempt", other, eve)
}

func disabled(t *testing.T, _ Case, h House) {
	early, right := h.Begin(Ada)
	other, eve := h.Begin(Eve)
	h.Disable(Ada)
	refused(t, h, "an answer to an attempt from before", early, right)
	late, _ := h.Begin(Ada)
	refused(t, h, "an answer to an attempt from after", late, right)
	opens(t, h, "the answer of somebody else", other, eve)
}

func opens(t *testing.T, h House, what string, id countersign.AttemptID, answer json.RawMessage) {
	t.Helper()
	if token, err := h.Answer(id, answer); err != nil || token == "" {
		t.Fatalf("%s opens nothing: %v", what, err)
	}
}

// refused wants an error that callers may see. Which one is the process's
// affair, but it is never success, and never a failure of ours.
func refused(t *testing.T, h House, what string, id countersign.AttemptID, answer json.RawMessage) {
	t.Helper()
	if token, err := h.Answer(id, answer); !shown(err) || token != "" {
		t.Errorf("%s: %v, and a session: %t", what, err, token != "")
	}
}

func shown(err error) bool {
	return errors.Is(err, countersign.ErrNoMatch) || errors.Is(err, countersign.ErrMalformed) || errors.Is(err, countersign.ErrExpired)
}
