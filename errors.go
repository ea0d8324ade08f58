package countersign

import (
	"errors"
	"time"
)

// Error is a failure that a caller may learn about. Anything else is logged
// and shown as an internal error. Two Errors are the same (errors.Is) when
// their codes are, so the sentinels below match every Error of their kind.
type Error struct {
	Code       string        // stable: one of the codes below
	Detail     string        // one sentence for a person; may be empty
	Fields     []FieldError  // what is wrong with which field
	RetryAfter time.Duration // for rate_limited and overloaded
	Reason     string        // the true reason, for the audit log alone
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error gives the code and the detail, never the reason.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Code
	}
	return e.Code + ": " + e.Detail
}

// Is reports whether the target is an Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The failures that callers learn about. Wrong, unknown, expired and replayed
// evidence look the same: ErrNoMatch.
var (
	ErrMalformed       = &Error{Code: "invalid_request"}
	ErrNoMatch         = &Error{Code: "invalid_credentials"}
	ErrUnauthenticated = &Error{Code: "unauthenticated"}
	ErrForbidden       = &Error{Code: "forbidden"}
	ErrStepUp          = &Error{Code: "step_up_required"}
	ErrSlowDown        = &Error{Code: "rate_limited"}
	ErrExpired         = &Error{Code: "attempt_expired"}
	ErrNotFound        = &Error{Code: "not_found"}
	ErrConflict        = &Error{Code: "conflict"}
	ErrOverloaded      = &Error{Code: "overloaded", RetryAfter: time.Second}
)

// ErrTaken is reported by the store when an address or a username belongs to
// another identity. Processes never pass it on to someone who has not proved that name.
var ErrTaken = errors.New("taken by another identity")

// Invalid returns an ErrMalformed about one field.
func Invalid(field, code, message string) *Error {
	return &Error{Code: ErrMalformed.Code, Detail: message, Fields: []FieldError{{field, code, message}}}
}

// NoMatch returns an ErrNoMatch with the true reason for the audit log.
func NoMatch(reason string) *Error { return &Error{Code: ErrNoMatch.Code, Reason: reason} }

// SlowDown returns an ErrSlowDown that says when to come back.
func SlowDown(after time.Duration, reason string) *Error {
	return &Error{Code: ErrSlowDown.Code, RetryAfter: after, Reason: reason}
}
