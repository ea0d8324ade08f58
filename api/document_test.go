package api

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign-id/countersign"
)

// served is the document as a program reads it.
type served struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                            `json:"operationId"`
		Summary     string                            `json:"summary"`
		Security    []map[string][]string             `json:"security"`
		Parameters  []struct{ Name, In string }       `json:"parameters"`
		RequestBody *struct{ Content map[string]any } `json:"requestBody"`
		Responses   map[string]struct {
			Description string
			Content     map[string]struct{ Example any }
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]struct{ Name string }
	}
}

func readDocument(t *testing.T, h *house) (doc served, text string) {
	t.Helper()
	w := h.ask(t, "GET", "/openapi.json", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("/openapi.json: %d %s", w.Code, w.Header())
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, w.Body.String()
}

// target fills in a route's path.
func target(rt *route) string {
	path := example(rt)
	for _, p := range rt.in.params {
		if p.required {
			path += "?" + p.name + "=" + string(adaID)
		}
	}
	return path
}

func TestEveryRouteIsInTheDocumentAndTheOtherWayRound(t *testing.T) {
	h := newHouse(t)
	doc, _ := readDocument(t, h)
	if doc.OpenAPI != "3.1.0" || doc.Components.SecuritySchemes["cookie"].Name != "__Host-countersign" {
		t.Errorf("OpenAPI %q, cookie %v", doc.OpenAPI, doc.Components.SecuritySchemes)
	}
	routes, seen := h.api.book().routes, map[string]bool{}
	for _, rt := range routes {
		op, ok := doc.Paths[rt.path][strings.ToLower(rt.method)]
		if !ok {
			t.Errorf("%s %s is not in the document", rt.method, rt.path)
			continue
		}
		if op.Summary == "" || seen[op.OperationID] {
			t.Errorf("%s %s: summary %q, id %q", rt.method, rt.path, op.Summary, op.OperationID)
		}
		seen[op.OperationID] = true
		if (op.RequestBody != nil) != (rt.in.body != nil) || len(op.Security) != map[bool]int{true: 3, false: 2}[rt.open] {
			t.Errorf("%s %s: the document disagrees on body or security", rt.method, rt.path)
		}
	}
	described := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			described++
			w := h.ask(t, strings.ToUpper(method), strings.NewReplacer("{id}", "x", "{address}", "x", "{session}", "x", "{number}", "x").Replace(path), "")
			if w.Code == 405 {
				t.Errorf("%s %s is described and not served", method, path)
			}
		}
	}
	if described != len(routes) || described < 45 {
		t.Errorf("%d routes, %d described", len(routes), described)
	}
}

// Each route answers its own example, and what comes back fits the schema that
// the document gives; so do the examples themselves.
func TestRealAnswersFitTheDocument(t *testing.T) {
	h := newHouse(t)
	b := h.api.book()
	b.document()
	for _, rt := range b.routes {
		name := rt.method + " " + rt.path
		body := ""
		if rt.in.body != nil {
			text, err := json.Marshal(rt.body)
			if err != nil || rt.body == nil && !rt.in.bare {
				t.Fatalf("%s has no example of its body: %v", name, err)
			}
			if rt.body != nil {
				body = string(text)
			}
		}
		w := h.ask(t, rt.method, target(rt), body, signedIn...)
		if w.Code != rt.status {
			t.Errorf("%s answers its own example with %d: %s", name, w.Code, w.Body)
			continue
		}
		if rt.out == nil {
			if w.Body.Len() != 0 {
				t.Errorf("%s: a body that is not described: %s", name, w.Body)
			}
			continue
		}
		fits(t, b, name, rt.out, w.Body.Bytes())
		if rt.answer == nil {
			t.Errorf("%s has no example of its answer", name)
			continue
		}
		text, err := json.Marshal(rt.answer)
		if err != nil {
			t.Fatal(err)
		}
		fits(t, b, name+" (example)", rt.out, text)
	}
}

func fits(t *testing.T, b *book, name string, schema *huma.Schema, text []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Errorf("%s: %v in %s", name, err, text)
		return
	}
	var result huma.ValidateResult
	huma.Validate(b.schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &result)
	for _, err := range result.Errors {
		t.Errorf("%s: %v in %s", name, err, text)
	}
}

// Whatever an action says, the status it becomes is one that the route's part
// of the document names, and the problem fits its schema.
func TestErrorsAreDescribedWhereTheyHappen(t *testing.T) {
	h := newHouse(t)
	doc, _ := readDocument(t, h)
	b := h.api.book()
	b.document()
	for _, rt := range b.routes {
		if rt.path == "/v1/session" && rt.method == "GET" {
			continue // no action behind it
		}
		body := ""
		if rt.in.body != nil {
			text, err := json.Marshal(rt.body)
			if err != nil {
				t.Fatal(err)
			}
			if rt.body != nil {
				body = string(text)
			}
		}
		for _, code := range rt.codes() {
			h.fail = &countersign.Error{Code: code}
			w := h.ask(t, rt.method, target(rt), body, signedIn...)
			if _, ok := doc.Paths[rt.path][strings.ToLower(rt.method)].Responses[strconv.Itoa(w.Code)]; !ok || w.Code < 400 {
				t.Errorf("%s %s answers %d for %s, which is not described", rt.method, rt.path, w.Code, code)
			}
			fits(t, b, rt.path+" "+code, b.problem, w.Body.Bytes())
			if !strings.Contains(w.Body.String(), `"code":"`+code+`"`) {
				t.Errorf("%s %s: %s became %s", rt.method, rt.path, code, w.Body)
			}
		}
	}
}

func TestTheDocumentWarnsOfWhatCallersMustHandle(t *testing.T) {
	doc, _ := readDocument(t, newHouse(t))
	for _, c := range []struct{ method, path, status, code string }{
		{"post", "/v1/attempts", "429", "rate_limited"}, {"post", "/v1/attempts", "401", "invalid_credentials"}, {"post", "/v1/attempts/{id}/evidence", "410", "attempt_expired"},
		{"post", "/v1/attempts/{id}/evidence", "503", "overloaded"}, {"get", "/v1/session", "401", "unauthenticated"}, {"delete", "/v1/account", "403", "step_up_required"},
		{"put", "/v1/account/password", "401", "invalid_credentials"}, {"get", "/v1/admin/audit", "403", "forbidden"}, {"patch", "/v1/account", "409", "conflict"},
		{"post", "/v1/account/tokens", "403", "step_up_required"}, {"post", "/v1/account/tokens/{id}/confirm", "410", "attempt_expired"}, {"post", "/v1/attempts/{id}/reset", "403", "forbidden"},
		{"post", "/v1/factor-reset/cancel", "410", "attempt_expired"}, {"post", "/v1/admin/identities/{id}/reset-factors", "403", "step_up_required"},
		{"delete", "/v1/sessions/{id}", "404", "not_found"}, {"post", "/v1/account/emails", "413", "too_large"}, {"post", "/v1/account/emails", "415", "unsupported_media_type"},
	} {
		if got := doc.Paths[c.path][c.method].Responses[c.status].Description; !strings.Contains(got, "`"+c.code+"`") {
			t.Errorf("%s %s: %s is %q and does not name %s", c.method, c.path, c.status, got, c.code)
		}
	}
}

func TestTheDocumentResolvesItsReferences(t *testing.T) {
	_, text := readDocument(t, newHouse(t))
	var whole map[string]any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`"\$ref":"#/([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(refs) < 50 {
		t.Fatalf("only %d references", len(refs))
	}
	for _, ref := range refs {
		var at any = whole
		for _, step := range strings.Split(ref[1], "/") {
			m, ok := at.(map[string]any)
			if at = m[step]; !ok || at == nil {
				t.Errorf("%s leads nowhere", ref[1])
				break
			}
		}
	}
}

func TestThePageIsWholeAndLoadsNothingFromElsewhere(t *testing.T) {
	h := newHouse(t)
	w := h.ask(t, "GET", "/docs", "")
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || strings.Contains(w.Header().Get("Content-Security-Policy"), "unsafe") {
		t.Fatalf("/docs: %d %v", w.Code, w.Header())
	}
	for _, bad := range []string{"<script", "style=", "onclick", "src=", "@import", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if out := regexp.MustCompile(`(?:href|src)="(https?:)?//`).FindString(page); out != "" {
		t.Errorf("the page links elsewhere: %s", out)
	}
	for _, rt := range h.api.book().routes {
		if !strings.Contains(page, `id="`+rt.id()+`"`) || !strings.Contains(page, `href="#`+rt.id()+`"`) {
			t.Errorf("%s %s has no place on the page", rt.method, rt.path)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	if w := h.ask(t, "GET", "/docs/style.css", ""); w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet: %d %v", w.Code, w.Header())
	}
}

func TestTheDocumentIsTheSameEachTime(t *testing.T) {
	_, one := readDocument(t, newHouse(t))
	_, two := readDocument(t, newHouse(t))
	if one != two {
		t.Error("two starts made two documents")
	}
	if len(one) > 400_000 {
		t.Errorf("the document has %d bytes", len(one))
	}
}
