package api

import (
	"context"
	"net/http"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// who is the body of GET /v1/session. The door's Check renders it, once for
// each session; the type is here for the document.
type who struct {
	Identity countersign.Identity `json:"identity"`
	Session  countersign.Session  `json:"session"`
}

// gone is an answer that makes the browser forget its session.
type gone struct{}

func (gone) dress(d *door.Door, w http.ResponseWriter) { d.ClearSession(w) }

// page asks for a part of a list. Cursors rather than numbers: a page stays where
// it is while newer lines arrive, and the last page costs what the first does.
type page struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	After string `query:"after" maxLength:"128" pattern:"^[A-Za-z0-9_.:-]+$" doc:"The next of the page before."`
}

// The inputs around sessions; another's session is simply not found.
type (
	sessionsIn struct {
		Limit int                   `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
		After countersign.SessionID `query:"after" id:"ses" doc:"The next of the page before."`
	}
	sessionIn struct {
		ID countersign.SessionID `path:"id" id:"ses"`
	}
)

// sessions registers what a caller can do with its own sessions.
func (b *book) sessions() {
	do := b.api.Account
	add(b, route{method: "GET", path: "/v1/session", tag: "Sessions", summary: "Who is calling", answer: sampleWho()},
		func(context.Context, countersign.Caller, none) (who, error) { panic("api: answered by whoami") })
	b.routes[len(b.routes)-1].handler = http.HandlerFunc(b.api.whoami)
	add(b, route{method: "DELETE", path: "/v1/session", tag: "Sessions", summary: "Sign out", about: "The server forgets the session first; then the cookie is expired."},
		func(ctx context.Context, by countersign.Caller, _ none) (gone, error) {
			return gone{}, do.SignOut(ctx, by)
		})
	add(b, route{method: "GET", path: "/v1/sessions", tag: "Sessions", summary: "My sessions", answer: listOf([]countersign.Session{sampleSession()}, "")},
		func(ctx context.Context, by countersign.Caller, in sessionsIn) (list[countersign.Session], error) {
			items, next, err := do.Sessions(ctx, by, in.After, in.Limit)
			return listOf(items, next), err
		})
	add(b, route{method: "DELETE", path: "/v1/sessions", tag: "Sessions", summary: "End all my other sessions"},
		func(ctx context.Context, by countersign.Caller, _ none) (none, error) {
			return none{}, do.EndOthers(ctx, by)
		})
	add(b, route{method: "DELETE", path: "/v1/sessions/{id}", tag: "Sessions", summary: "End one of my sessions"},
		func(ctx context.Context, by countersign.Caller, in sessionIn) (none, error) {
			return none{}, do.EndSession(ctx, by, in.ID)
		})
}

// whoami answers GET /v1/session. It is the request that programs make on each
// of theirs, so it takes none of the general way: what it writes was rendered
// when the session was first seen.
func (a *API) whoami(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		a.Explain(w, r, countersign.Invalid("query", "unknown", "This call takes no parameters."))
		return
	}
	if r.ContentLength != 0 {
		if _, err := (plan{}).take(r); err != nil {
			a.Explain(w, r, err)
			return
		}
	}
	known, err := a.Door.Known(r)
	if err != nil {
		a.Explain(w, r, err)
		return
	}
	w.Header()["Content-Type"] = jsonType
	w.Write(known.JSON) //nolint:errcheck // the caller went away; nobody is left to tell
}
