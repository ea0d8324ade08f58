package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign/internal/door"
)

// codes lists what may go wrong with a route: what follows from its form, and
// what its action adds.
func (rt *route) codes() []string {
	codes := []string{"invalid_request", "unauthenticated", "misdirected_request", "overloaded", "internal_error"}
	if rt.method != http.MethodGet {
		codes = append(codes, "forbidden", "conflict") // from another site; an Idempotency-Key in use
	}
	if strings.Contains(rt.path, "{") {
		codes = append(codes, "not_found")
	}
	if rt.in.body != nil {
		codes = append(codes, "too_large", "unsupported_media_type")
	}
	codes = append(codes, rt.errors...)
	slices.Sort(codes)
	return slices.Compact(codes)
}

// document describes every route in OpenAPI 3.1.
func (b *book) document() *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: b.api.name() + " API", Version: b.api.version(),
			Description: "Times are RFC 3339 in UTC. Ids are opaque. Unknown fields and parameters are refused by name. " +
				"Errors are `application/problem+json` (RFC 9457) with a stable `code`."},
		Servers: []*huma.Server{{URL: b.api.origin()}},
		Paths:   map[string]*huma.PathItem{},
		Components: &huma.Components{Schemas: b.schemas, Examples: map[string]*huma.Example{}, SecuritySchemes: map[string]*huma.SecurityScheme{
			"token":  {Type: "http", Scheme: "bearer", Description: "A session token, cs_ses_…"},
			"cookie": {Type: "apiKey", In: "cookie", Name: b.api.Door.CookieName(), Description: "The session cookie of a browser."},
		}},
	}
	for _, rt := range b.routes {
		if !slices.ContainsFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == rt.tag }) {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: rt.tag})
		}
		item := doc.Paths[rt.path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[rt.path] = item
		}
		*slot(item, rt.method) = b.operation(rt, doc.Components.Examples)
	}
	return doc
}

// slot is where a method has its place; a route with another is a mistake.
func slot(item *huma.PathItem, method string) **huma.Operation {
	switch method {
	case http.MethodGet:
		return &item.Get
	case http.MethodPost:
		return &item.Post
	case http.MethodPut:
		return &item.Put
	case http.MethodPatch:
		return &item.Patch
	case http.MethodDelete:
		return &item.Delete
	}
	panic("api: no place in the document for " + method)
}

// operation describes one route: its parameters, its bodies, and every status
// that it may answer with.
func (b *book) operation(rt *route, examples map[string]*huma.Example) *huma.Operation {
	op := &huma.Operation{OperationID: rt.id(), Tags: []string{rt.tag}, Summary: rt.summary, Description: rt.about,
		Security: []map[string][]string{{"token": {}}, {"cookie": {}}}, Responses: map[string]*huma.Response{}}
	if rt.open {
		op.Security = append([]map[string][]string{{}}, op.Security...)
	}
	for _, p := range rt.in.params {
		in := "path"
		if p.query {
			in = "query"
		}
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: in, Required: !p.query || p.required,
			Description: p.schema.Description, Schema: p.schema})
	}
	if rt.method != http.MethodGet {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header",
			Description: "Any text of your making, new for each request: sent again within a day, it brings the same answer and nothing is done twice.",
			Schema:      &huma.Schema{Type: huma.TypeString, MinLength: length(1), MaxLength: length(255)}})
	}
	if rt.in.body != nil {
		op.RequestBody = &huma.RequestBody{Required: !rt.in.bare, Content: map[string]*huma.MediaType{"application/json": {Schema: rt.in.body, Example: rt.body}}}
	}
	good := &huma.Response{Description: http.StatusText(rt.status), Headers: map[string]*huma.Param{"X-Request-Id": textHeader("The id of the request.")}}
	if rt.out != nil {
		good.Content = map[string]*huma.MediaType{"application/json": {Schema: rt.out, Example: rt.answer}}
	}
	op.Responses[strconv.Itoa(rt.status)] = good
	for _, code := range rt.codes() {
		explainFailure(op, code, b.problem, examples)
	}
	return op
}

// explainFailure adds one code to the answer of its status.
func explainFailure(op *huma.Operation, code string, problems *huma.Schema, examples map[string]*huma.Example) {
	status, title, ok := door.Status(code)
	if !ok {
		panic("api: no status for " + code)
	}
	key := strconv.Itoa(status)
	bad := op.Responses[key]
	if bad == nil {
		bad = &huma.Response{Headers: map[string]*huma.Param{"X-Request-Id": textHeader("The id of the request.")},
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problems, Examples: map[string]*huma.Example{}}}}
		op.Responses[key] = bad
	}
	switch status {
	case http.StatusUnauthorized:
		bad.Headers["WWW-Authenticate"] = textHeader("How to prove who you are.")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		bad.Headers["Retry-After"] = textHeader("Seconds to wait.")
	}
	bad.Description = strings.TrimPrefix(bad.Description+"; ", "; ") + title + " (`" + code + "`)"
	bad.Content["application/problem+json"].Examples[code] = &huma.Example{Ref: "#/components/examples/" + code}
	examples[code] = &huma.Example{Summary: title, Value: problem{Type: "/docs#error-" + code, Title: title, Status: status, Code: code, Request: "3HFK2J6QX7RZB5VTWYN4MCDLAE"}}
}

func textHeader(about string) *huma.Param {
	return &huma.Param{Description: about, Schema: &huma.Schema{Type: huma.TypeString}}
}

// id names a route for programs: getAttemptsById.
func (rt *route) id() string {
	id := strings.ToLower(rt.method)
	for part := range strings.SplitSeq(strings.TrimPrefix(rt.path, "/v1/"), "/") {
		if in, ok := strings.CutPrefix(part, "{"); ok {
			part = "by-" + strings.TrimSuffix(in, "}")
		}
		for word := range strings.SplitSeq(part, "-") {
			id += title(word)
		}
	}
	return id
}

// publish serves the document and the page made from it. They are rendered when
// they are first asked for: that takes as long as all else at the start.
func (b *book) publish(mux *http.ServeMux) {
	doc := sync.OnceValue(b.document)
	b.static(mux, "/openapi.json", "application/json", func() []byte {
		text, err := json.Marshal(doc(), json.Deterministic(true))
		if err != nil {
			panic("api: the document: " + err.Error())
		}
		return text
	})
	b.static(mux, "/docs", "text/html; charset=utf-8", func() []byte { return b.page(doc()) })
	b.static(mux, "/docs/style.css", "text/css; charset=utf-8", func() []byte { return styleSheet })
}

// static serves a text that changes only with the program.
func (b *book) static(mux *http.ServeMux, path, media string, render func() []byte) {
	render = sync.OnceValue(render)
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		text, h := render(), w.Header()
		h.Set("Content-Type", media)
		h.Set("Content-Length", strconv.Itoa(len(text)))
		h.Set("Cache-Control", "max-age=300")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		w.Write(text) //nolint:errcheck // the caller went away; nobody is left to tell
	})
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		b.api.Explain(w, r, door.ErrMethod)
	})
}

func (a *API) name() string {
	if a.Name == "" {
		return "Countersign"
	}
	return a.Name
}

func (a *API) version() string {
	if a.Version == "" {
		return "dev"
	}
	return a.Version
}

func (a *API) origin() string {
	if a.Door.Public == nil {
		return "/"
	}
	return a.Door.Public.Scheme + "://" + a.Door.Public.Host
}
