package api

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzDecode holds bodies against a strict reading: what is accepted is JSON to
// the standard library too, in UTF-8, without NUL, and only with fields we know.
func FuzzDecode(f *testing.F) {
	for _, x := range hostileBodies() {
		if len(x.body) < 4096 {
			f.Add([]byte(x.body))
		}
	}
	f.Add([]byte(signIn))
	h := newHouse(f)
	b := h.api.book()
	plan := b.routes[0].in
	f.Fuzz(func(t *testing.T, body []byte) {
		var in startIn
		if err := decode(body, b.schemas, plan.body, &in.Body); err != nil {
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) || strings.Contains(string(in.Body.Identifier), "\x00") {
			t.Fatalf("accepted %q", body)
		}
		if in.Body.Purpose == "" || len(in.Body.Identifier) > 4*320 || strings.ContainsAny(in.Body.Identifier, "\r\n") {
			t.Fatalf("accepted %+v of %q", in.Body, body)
		}
		var loose map[string]any
		if err := json.Unmarshal(body, &loose); err != nil {
			t.Fatal(err)
		}
		for name := range loose {
			if !strings.Contains(" purpose identifier traits return_to issue evidence ", " "+name+" ") {
				t.Fatalf("accepted the field %q", name)
			}
		}
	})
}

// FuzzRequest sends anything to any call: the answer is never a 5xx.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/v1/attempts", "", signIn)
	f.Add("GET", "/v1/sessions", "limit=1&after=x", "")
	f.Add("DELETE", "/v1/account/emails/a%40b", "", "")
	f.Add("PATCH", "/v1/admin/identities/"+string(adaID), "", `{"metadata":{"a":[1]}}`)
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery, r.Host = method, path, query, "id.example.com"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+goodToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && !strings.Contains(body, "panic") {
			t.Fatalf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
		}
	})
}
