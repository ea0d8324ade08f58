// Package door is what every way in over HTTP shares: who asks and from where,
// what is refused before anyone looks at it, and what every answer carries.
//
// It owns request ids, the client's address behind trusted proxies (RFC 7239),
// the Host and cross-origin checks, cookies, recognition of the caller
// (RFC 6750), security headers, limits on bodies, the table from errors to HTTP
// statuses, request logs and the way back after signing in. It does not own
// routes, pages or JSON, and it never decides what a caller may do.
package door

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/countersign-id/countersign"
)

// Known is a live session and whose it is. JSON is what the program behind the
// request is told about it. All three are shared between requests: never write to them.
type Known struct {
	Session  *countersign.Session
	Identity *countersign.Identity
	JSON     []byte
}

// Door guards one public address. Fill the fields, then wrap the routes with
// Handler. A Door without a Public URL admits nobody.
type Door struct {
	Public  *url.URL       // what people type: scheme, host and port
	Trusted []netip.Prefix // proxies whose forwarding headers are believed

	// Check finds the live session of a token. It answers an error of the code
	// unauthenticated, invalid_credentials or not_found for a token that opens
	// nothing, and refuses a mistyped one without a look-up.
	Check func(ctx context.Context, token string) (Known, error)

	Programs string                     // paths below this are for programs and never shown in a browser: "/v1/"
	Key      []byte                     // signs device cookies; at least 32 bytes, or there are none
	Locale   func(accept string) string // the language offered for an Accept-Language header; nil for none
	MaxBody  int64                      // bytes of a request's body; 0 for 1 MiB
	Now      func() time.Time           // nil for time.Now
	Log      *slog.Logger               // nil for slog.Default

	// Observe is told of every request that was answered; nil for nobody.
	Observe func(Seen)
	// Refuse answers a request that gets no further than the door; nil for a
	// line of text. It calls Explain for what to say.
	Refuse func(http.ResponseWriter, *http.Request, error)
}

// Seen is one answered request, in words that are safe to count by: the route
// is the pattern that matched and never holds what the caller wrote.
type Seen struct {
	Route    string
	Method   string
	Status   int
	Duration time.Duration
}

// visit is what the door knows of one request. It is the request's context and
// its writer at once, so that a request costs one allocation more than a bare one.
type visit struct {
	context.Context
	http.ResponseWriter
	id     string
	from   netip.Addr
	status int
}

type visitKey struct{}

func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

func (v *visit) WriteHeader(status int) {
	if v.status == 0 && status >= 200 { // 1xx are only hints
		v.status = status
	}
	v.ResponseWriter.WriteHeader(status)
}

func (v *visit) Write(b []byte) (int, error) {
	if v.status == 0 {
		v.status = http.StatusOK
	}
	return v.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer behind.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

// Hijack lets no handler take the connection: nothing here speaks anything but HTTP.
func (v *visit) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// RequestID returns the id of the request being answered, or "" outside of one.
func RequestID(ctx context.Context) string {
	if v := visitOf(ctx); v != nil {
		return v.id
	}
	return ""
}

// Handler lets in what passes every check of the door and hands it to next.
// Whatever the answer, it carries the request id and the security headers, is
// not cached unless next says otherwise, is logged and is counted.
func (d *Door) Handler(next http.Handler) http.Handler {
	g := d.newGate()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now() // a duration: the wall clock that tests move has no part in it
		v := &visit{Context: r.Context(), ResponseWriter: w}
		peer, trusted := g.peer(r)
		v.from, v.id = peer, ""
		if trusted {
			v.from, v.id = forwardedFor(r.Header, peer, d.trusts), sentID(r.Header)
		}
		if v.id == "" {
			v.id = g.newID()
		}
		r = r.WithContext(v)
		g.dress(w.Header(), r.URL.Path, v.id)
		defer d.finish(v, r, began)
		if err := g.admit(w, r, trusted); err != nil {
			d.refuse(v, r, err)
			return
		}
		next.ServeHTTP(v, r)
	})
}

// finish turns a panic into a 500 and tells the log and the counters.
func (d *Door) finish(v *visit, r *http.Request, began time.Time) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(p)
		}
		d.panicked(r, p)
		if v.status != 0 {
			panic(http.ErrAbortHandler) // half an answer must not look whole
		}
		d.refuse(v, r, errPanic)
	}
	took := time.Since(began)
	level := slog.LevelDebug
	if v.status >= 500 && v.status != http.StatusServiceUnavailable {
		level = slog.LevelError
	}
	if log := d.log(); log.Enabled(v, level) {
		log.LogAttrs(v, level, "request", slog.String("route", route(r)), slog.Int("status", v.status),
			slog.Duration("took", took), slog.String("request", v.id))
	}
	if d.Observe != nil {
		d.Observe(Seen{Route: route(r), Method: method(r), Status: v.status, Duration: took})
	}
}

// panicked logs where a handler panicked. The value is shown only when the
// runtime made it: any other may quote what the caller sent.
func (d *Door) panicked(r *http.Request, p any) {
	said := "a value"
	if e, ok := p.(runtime.Error); ok {
		said = e.Error()
	}
	d.log().LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("route", route(r)),
		slog.String("panic", said), slog.String("stack", string(debug.Stack())), slog.String("request", RequestID(r.Context())))
}

func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if d.Refuse != nil {
		d.Refuse(w, r, err)
		return
	}
	f := d.Explain(r, err)
	f.Headers(w.Header())
	http.Error(w, f.Title, f.Status)
}

func (d *Door) log() *slog.Logger {
	if d.Log == nil {
		return slog.Default()
	}
	return d.Log
}

func (d *Door) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// route is the pattern that matched: the raw path may hold addresses and ids.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method is the request's method, if it is one of the usual ones: a caller may
// invent others, and each would be a counter of its own.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}
