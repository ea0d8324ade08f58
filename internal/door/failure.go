package door

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/countersign-id/countersign"
)

// Failures of HTTP itself, in the form that processes use for theirs.
var (
	ErrTooLarge    = &countersign.Error{Code: "too_large"}
	ErrMediaType   = &countersign.Error{Code: "unsupported_media_type"}
	ErrMethod      = &countersign.Error{Code: "method_not_allowed"}
	ErrMisdirected = &countersign.Error{Code: "misdirected_request", Detail: "This server does not answer to that host name."}
	ErrCrossOrigin = &countersign.Error{Code: "forbidden", Detail: "The request came from a page of another site."}
)

var errPanic = errors.New("door: a handler panicked")

// statuses is the one table from our errors to HTTP, for pages and JSON alike.
var statuses = map[string]struct {
	status int
	title  string
}{
	"invalid_request":        {http.StatusBadRequest, "The request is not valid"},
	"invalid_credentials":    {http.StatusUnauthorized, "That did not match"},
	"unauthenticated":        {http.StatusUnauthorized, "Sign in first"},
	"forbidden":              {http.StatusForbidden, "That is not allowed"},
	"step_up_required":       {http.StatusForbidden, "A fresh proof is needed"},
	"captcha_required":       {http.StatusForbidden, "A captcha is needed"},
	"rate_limited":           {http.StatusTooManyRequests, "Too many tries"},
	"attempt_expired":        {http.StatusGone, "The attempt has expired"},
	"not_found":              {http.StatusNotFound, "There is nothing here"},
	"conflict":               {http.StatusConflict, "That conflicts with what is there"},
	"overloaded":             {http.StatusServiceUnavailable, "The server is busy"},
	"too_large":              {http.StatusRequestEntityTooLarge, "The body is too large"},
	"unsupported_media_type": {http.StatusUnsupportedMediaType, "The body has the wrong content type"},
	"method_not_allowed":     {http.StatusMethodNotAllowed, "That method is not allowed here"},
	"misdirected_request":    {http.StatusMisdirectedRequest, "This is another server"},
	"internal_error":         {http.StatusInternalServerError, "Something went wrong on our side"},
}

// Status returns the HTTP status and a short title of an error code; false for
// a code that is not in the table.
func Status(code string) (status int, title string, ok bool) {
	s, ok := statuses[code]
	return s.status, s.title, ok
}

// Failure is what a caller may learn of an error.
type Failure struct {
	Status     int
	Code       string
	Title      string
	Detail     string
	Fields     []countersign.FieldError
	RetryAfter time.Duration // 0 for no saying
	Request    string        // the request id, to find it in the log
}

// Explain turns an error into what the caller may learn, and logs the one that
// nobody foresaw.
func (d *Door) Explain(r *http.Request, err error) Failure {
	var e *countersign.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		e = ErrTooLarge
	case errors.As(err, &e):
	case r.Context().Err() != nil:
		e = countersign.ErrOverloaded // the caller went away, or its time ran out
	default:
		e = &countersign.Error{}
	}
	s, ok := statuses[e.Code]
	if !ok {
		if err != errPanic { //nolint:errorlint // it is logged where it happened
			d.log().LogAttrs(r.Context(), slog.LevelError, "unexpected", slog.String("route", route(r)),
				slog.Any("error", err), slog.String("request", RequestID(r.Context())))
		}
		e, s = &countersign.Error{Code: "internal_error"}, statuses["internal_error"]
	} else if e.Code == countersign.ErrOverloaded.Code {
		d.log().LogAttrs(r.Context(), slog.LevelWarn, "overloaded", slog.String("route", route(r)),
			slog.Any("error", err), slog.String("request", RequestID(r.Context())))
	}
	return Failure{Status: s.status, Code: e.Code, Title: s.title, Detail: e.Detail, Fields: e.Fields,
		RetryAfter: e.RetryAfter, Request: RequestID(r.Context())}
}

// Headers sets what the failure's status asks for: Retry-After in whole
// seconds, rounded up (RFC 9110 section 10.2.3).
func (f Failure) Headers(h http.Header) {
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
	}
}
