package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// reply is an answer that has not been sent yet, so that it can be kept too.
// It is a ResponseWriter for those who set cookies.
type reply struct {
	Status int         `json:"status"`
	Head   http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

func (p *reply) Header() http.Header         { return p.Head }
func (p *reply) WriteHeader(status int)      { p.Status = status }
func (p *reply) Write(b []byte) (int, error) { p.Body = append(p.Body, b...); return len(b), nil }

// send gives the answer; the headers that the door put on stay.
func (p *reply) send(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range p.Head {
		h[name] = values
	}
	if len(p.Body) > 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(p.Body))}
	}
	w.WriteHeader(p.Status)
	w.Write(p.Body) //nolint:errcheck // the caller went away; nobody is left to tell
}

// dresser is an answer that sets cookies besides its JSON.
type dresser interface {
	dress(d *door.Door, w http.ResponseWriter)
}

// call is the whole way of a request: identify, decode, act, encode or explain.
func (a *API) call(rt *route, act func(context.Context, countersign.Caller, func(any) error) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := a.Door.Caller(r)
		if err == nil && !rt.open && by.Session.ID == "" {
			err = countersign.ErrUnauthenticated
		}
		if err != nil {
			a.Explain(w, r, err)
			return
		}
		body, err := rt.in.take(r)
		if err != nil {
			a.Explain(w, r, err)
			return
		}
		do := func() *reply {
			out, err := act(r.Context(), by, func(in any) error { return rt.in.read(r, body, in) })
			if err != nil {
				return a.refusal(r, err)
			}
			return a.answer(r, rt, out)
		}
		key, err := idempotencyKey(r)
		switch {
		case err != nil:
			a.Explain(w, r, err)
		case key == "" || a.Replies.Reserve == nil:
			do().send(w)
		default:
			a.once(r, rt, by, key, body, do).send(w)
		}
	})
}

// answer encodes what an action gave back.
func (a *API) answer(r *http.Request, rt *route, out any) *reply {
	p := &reply{Status: rt.status, Head: http.Header{}}
	if rt.out != nil {
		var text bytes.Buffer
		// omitempty means what it means in encoding/json, for which the words are tagged: false is left out too.
		if err := json.MarshalWrite(&text, out, jsonv1.OmitEmptyWithLegacySemantics(true)); err != nil {
			return a.refusal(r, err)
		}
		text.WriteByte('\n')
		p.Head["Content-Type"], p.Body = jsonType, text.Bytes()
	}
	if d, ok := out.(dresser); ok {
		d.dress(a.Door, p)
	}
	return p
}

var (
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
)
