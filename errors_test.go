package countersign_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

// sentinels are all failures that callers learn about.
func sentinels() map[string]*countersign.Error {
	return map[string]*countersign.Error{
		"invalid_request": countersign.ErrMalformed, "invalid_credentials": countersign.ErrNoMatch, "unauthenticated": countersign.ErrUnauthenticated,
		"forbidden": countersign.ErrForbidden, "step_up_required": countersign.ErrStepUp, "rate_limited": countersign.ErrSlowDown,
		"attempt_expired": countersign.ErrExpired, "not_found": countersign.ErrNotFound, "conflict": countersign.ErrConflict, "overloaded": countersign.ErrOverloaded,
	}
}

func TestAnErrorIsKnownByItsCodeAlone(t *testing.T) {
	for code, e := range sentinels() {
		if e.Code != code {
			t.Errorf("%s is called %s: programs that call us know it by that", code, e.Code)
		}
		wrapped := fmt.Errorf("login: %w", &countersign.Error{Code: code, Detail: "a sentence", Reason: "the true one"})
		for other, sentinel := range sentinels() {
			if errors.Is(wrapped, sentinel) != (other == code) {
				t.Errorf("%s is %s: %t", code, other, errors.Is(wrapped, sentinel))
			}
		}
	}
	// Of another kind, though it reads the same.
	other := errors.New("invalid_request")
	if countersign.ErrMalformed.Is(other) {
		t.Error("another kind of error passes for one of ours")
	}
	if errors.Is(countersign.ErrTaken, countersign.ErrConflict) {
		t.Error("that a name is taken must be translated by whoever knows the caller")
	}
}

// The reason says what an attacker would like to know: whether the name exists, what was wrong.
func TestTheTrueReasonIsNotInTheText(t *testing.T) {
	for _, e := range []error{countersign.NoMatch("no such identity"), countersign.SlowDown(time.Minute, "no such identity"),
		&countersign.Error{Code: "conflict", Detail: "A sentence.", Reason: "no such identity"}} {
		for _, text := range []string{e.Error(), fmt.Sprint(e), fmt.Sprintf("%v", fmt.Errorf("login: %w", e))} {
			if strings.Contains(text, "no such identity") {
				t.Errorf("%q tells the reason", text)
			}
		}
	}
}

func TestErrorsCarryWhatTheirCallerNeeds(t *testing.T) {
	var e *countersign.Error
	if err := fmt.Errorf("x: %w", countersign.SlowDown(90*time.Second, "budget")); !errors.Is(err, countersign.ErrSlowDown) || !errors.As(err, &e) || e.RetryAfter != 90*time.Second {
		t.Errorf("%v, come back after %s", err, e.RetryAfter)
	}
	if err := countersign.Invalid("email", "invalid", "Give an address."); !errors.Is(err, countersign.ErrMalformed) ||
		len(err.Fields) != 1 || err.Fields[0] != (countersign.FieldError{Field: "email", Code: "invalid", Message: "Give an address."}) || err.Error() != "invalid_request: Give an address." {
		t.Errorf("%v, fields %v", err, err.Fields)
	}
	if err := countersign.NoMatch("wrong password"); !errors.Is(err, countersign.ErrNoMatch) || err.Reason != "wrong password" || err.Detail != "" {
		t.Errorf("%v because of %s", err, err.Reason)
	}
	if countersign.ErrOverloaded.RetryAfter <= 0 {
		t.Error("who is sent away for load is not told when to come back")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := countersign.Secrets{Code: "12345678", Token: "cs_lnk_token"}
	c := countersign.Challenge{Method: "email_code", Secrets: s}
	for _, format := range []string{"%v", "%+v", "%s", "%q"} {
		for what, v := range map[string]any{"the secrets": s, "a pointer": &s, "the challenge": c, "its pointer": &c} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, "12345678") || strings.Contains(text, "cs_lnk_token") {
				t.Errorf("%s printed by %s", what, format)
			}
		}
	}
}
