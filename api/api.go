// Package api is the JSON door: every action as JSON over HTTP, and the
// document that describes it.
//
// Each route is one registration, from which both the handler and its part of
// the OpenAPI 3.1 document are made, so the two cannot disagree. Every call
// passes the same steps: identify, decode, act, encode or explain. It owns the
// form of requests, answers and errors (RFC 8259, RFC 9457, the Idempotency-Key
// draft of the IETF). It does not own what an action does, nor what internal/door
// checks before a request gets here.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/login"
)

// API is the JSON door. Fill every field, then Mount it behind the Door's Handler.
type API struct {
	Door     *door.Door
	Name     string   // what the service is called, for the document
	Version  string   // of the program, for the document
	ReturnTo []string // origins people may be sent back to, besides our own
	Key      []byte   // keys the fingerprints of requests in Replies; at least 32 bytes

	Login   Login
	Resets  Resets
	Account Account
	Admin   Admin
	Replies Replies

	// Remember is the path of the collection whose token a browser also gets as a
	// cookie, so that it is asked for no second proof for RememberFor; "" for none.
	Remember    string
	RememberFor time.Duration

	// Shapes shows, by method, what its evidence and its change look like. They
	// are examples in the document and nothing else.
	Shapes map[string]Shape
}

// Shape is one method's bodies, as examples; any may be empty. Path stands for that of its collection.
type Shape struct {
	Evidence json.RawMessage // of POST /v1/attempts/{id}/evidence
	Change   json.RawMessage // of PUT /v1/account/<method>
	Options  json.RawMessage // answer of POST /v1/account/<path>/options
	Add      json.RawMessage // of POST /v1/account/<path>; empty where nothing need be sent
	Added    json.RawMessage // its answer
	Confirm  json.RawMessage // of POST /v1/account/<path>/{id}/confirm
	Detail   json.RawMessage // what a listed one tells of itself
}

// Login runs attempts.
type Login interface {
	Start(ctx context.Context, by countersign.Caller, in login.Start) (login.Result, error)
	State(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (login.Result, error)
	Ask(ctx context.Context, by countersign.Caller, id countersign.AttemptID, method string) (login.Result, error)
	Answer(ctx context.Context, by countersign.Caller, id countersign.AttemptID, evidence json.RawMessage) (login.Result, error)
}

// Resets let in who has lost every second step, after a wait that its owner can end.
type Resets interface {
	BeginReset(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (login.Result, error)
	CancelReset(ctx context.Context, by countersign.Caller, token string) error
}

// Replies remembers the answers of requests that must not be done twice. The
// zero Replies remembers nothing: each request is then done each time.
type Replies struct {
	// Reserve takes the key for a request and says "new"; or "kept" with the
	// answer, when the request was done before; "busy" while it is being done;
	// "else" when the key belongs to another request.
	Reserve func(ctx context.Context, key string, request []byte, life time.Duration) (kept []byte, state string, err error)
	Keep    func(ctx context.Context, key string, answer []byte) error
	Drop    func(ctx context.Context, key string) error // gives the key back unanswered
}

// Mount adds the door's routes to mux: everything below /v1/, /openapi.json and
// /docs. It panics on a mistake in the registrations, at the start.
func (a *API) Mount(mux *http.ServeMux) {
	b := a.book()
	for _, r := range b.routes {
		mux.Handle(r.method+" "+r.path, r.handler)
	}
	b.refuseTheRest(mux)
	b.publish(mux)
}

// book collects every route, in the order of the document.
func (a *API) book() *book {
	b := newBook(a)
	b.attempts()
	b.sessions()
	b.account()
	b.emails()
	b.phones()
	b.security()
	b.collections()
	b.identities()
	b.audit()
	b.finish()
	return b
}
