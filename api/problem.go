package api

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

// problem is an error as RFC 9457 has it, with our stable code, the fields that
// are wrong and the id to find the request by in the log.
type problem struct {
	Type    string                   `json:"type" format:"uri-reference" doc:"Where this kind of error is explained."`
	Title   string                   `json:"title" doc:"What happened, the same for every error of the kind."`
	Status  int                      `json:"status" minimum:"400" maximum:"599"`
	Detail  string                   `json:"detail,omitempty" doc:"What happened this time, for a person."`
	Code    string                   `json:"code" doc:"The kind of error, for a program."`
	Errors  []countersign.FieldError `json:"errors,omitempty" doc:"What is wrong with which field."`
	Request string                   `json:"request_id" doc:"The id of the request, also in X-Request-Id."`
}

// Explain answers a request with the problem that the error is to its caller.
func (a *API) Explain(w http.ResponseWriter, r *http.Request, err error) {
	a.refusal(r, err).send(w)
}

// refusal makes the answer without sending it. A message that cannot be encoded
// becomes a problem that says nothing, never half of one.
func (a *API) refusal(r *http.Request, err error) *reply {
	f := a.Door.Explain(r, err)
	p := &reply{Status: f.Status, Head: http.Header{"Content-Type": problemType}}
	f.Headers(p.Head)
	if f.Status == http.StatusUnauthorized {
		p.Head["Www-Authenticate"] = []string{challenge(r)}
	}
	body, err := json.Marshal(problem{Type: "/docs#error-" + f.Code, Title: f.Title, Status: f.Status,
		Detail: f.Detail, Code: f.Code, Errors: f.Fields, Request: f.Request})
	if err != nil { // a message that is no UTF-8: say less
		body = []byte(`{"type":"about:blank","title":"Something went wrong on our side","status":500,"code":"internal_error","request_id":""}`)
		p.Status = http.StatusInternalServerError
	}
	p.Body = append(body, '\n')
	return p
}

// challenge tells how to prove who one is (RFC 6750 section 3); it names an
// error only when a token was shown.
func challenge(r *http.Request) string {
	if len(r.Header["Authorization"]) > 0 {
		return `Bearer realm="countersign", error="invalid_token"`
	}
	return `Bearer realm="countersign"`
}
