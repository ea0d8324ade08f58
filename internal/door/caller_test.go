package door

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign-id/countersign"
)

func TestACallerIsNamedWithWhereItCameFromAndOnWhat(t *testing.T) {
	now := noon
	d := keyed(&now)
	d.Trusted = proxies
	d.Locale = func(accept string) string { return "de of " + accept }
	known := Known{Session: &countersign.Session{ID: "ses_1"}, Identity: &countersign.Identity{ID: ada}}
	d.Check = func(context.Context, string) (Known, error) { return known, nil }
	device, _ := sent(func(w http.ResponseWriter) { d.SetDevice(w, ada) })
	var got countersign.Caller
	w := knock(d, func(_ http.ResponseWriter, r *http.Request) {
		var err error
		if got, err = d.Caller(r); err != nil {
			t.Error(err)
		}
	}, func(r *http.Request) {
		r.RemoteAddr = "10.0.0.1:1"
		r.Header = http.Header{"Cookie": {device.Header.Get("Cookie") + "; __Host-countersign=cs_ses_x"}, "X-Forwarded-For": {"203.0.113.9"},
			"User-Agent": {"curl/8.11.0"}, "Accept-Language": {"de-AT"}}
	})
	want := countersign.Caller{Identity: *known.Identity, Session: *known.Session, From: got.From, Device: countersign.Device{Name: "curl", Network: "203.0.113.9"},
		Locale: "de of de-AT", Request: w.Header().Get("X-Request-Id"), Known: ada}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(got.From)); diff != "" || got.From.String() != "203.0.113.9" {
		t.Errorf("%s from %s", diff, got.From)
	}
}

func TestACheckThatForgetsToRefuseLetsNobodyIn(t *testing.T) {
	for name, known := range map[string]Known{"nothing": {}, "no ids": {Session: &countersign.Session{}, Identity: &countersign.Identity{}},
		"no identity": {Session: &countersign.Session{ID: "ses_1"}, Identity: &countersign.Identity{}}} {
		d := &Door{Public: home, Check: func(context.Context, string) (Known, error) { return known, nil }}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "__Host-countersign=x")
		if by, err := d.Caller(r); err != nil || by.Session.ID != "" || by.Identity.ID != "" {
			t.Errorf("%s: by cookie %v, %v", name, by.Identity.ID, err)
		}
		r.Header = http.Header{"Authorization": {"Bearer x"}}
		if _, err := d.Caller(r); err == nil {
			t.Errorf("%s: a bearer token was let in", name)
		}
	}
}

// FuzzBearer holds headers against the grammar: what is accepted is one token
// without anything around it.
func FuzzBearer(f *testing.F) {
	f.Add("Bearer cs_ses_x")
	f.Add("bearer  x")
	f.Add("Bearer x,y")
	f.Add("Bearer " + strings.Repeat("x", longestToken+1))
	f.Fuzz(func(t *testing.T, header string) {
		token, ok := bearerToken(header)
		if ok && (len(token) != len(header)-7 || len(token) > longestToken || header[6] != ' ') {
			t.Fatalf("%q is %q", header, token)
		}
	})
}
