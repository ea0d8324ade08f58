package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

// keeper is a method of which the door knows no more than how it keeps credentials.
type keeper struct {
	countersign.Enroller
	name string
	kept countersign.Collection
}

func (k keeper) Name() string                                 { return k.name }
func (k keeper) Collection() countersign.Collection           { return k.kept }
func (k keeper) Detail(countersign.Credential) map[string]any { return nil }

// speaker is one that speaks first.
type speaker struct{ keeper }

func (speaker) Prepare(context.Context, countersign.Subject) (countersign.Challenge, error) {
	return countersign.Challenge{}, nil
}

// collections are one of each sort: to be confirmed, in one step, and without a word before.
func collections() map[string]countersign.Keeper {
	return map[string]countersign.Keeper{
		"tokens":  speaker{keeper{name: "token", kept: countersign.Collection{Path: "tokens", Most: 5}}},
		"sheet":   speaker{keeper{name: "sheet", kept: countersign.Collection{Path: "sheet", Most: 1, Direct: true, Fixed: true}}},
		"places":  keeper{name: "place", kept: countersign.Collection{Path: "places", Most: 5}},
		"waiting": keeper{name: "wait", kept: countersign.Collection{Path: "waiting", Most: 1, Fixed: true, Granted: true}},
	}
}

const (
	aCredential = string(sampleCredential)
	shownSecret = `{"id":"` + aCredential + `","secret":"JBSWY3DP"}`
)

// kept fills in what an account does with numbers and with what is set up.
func (h *house) kept(a *Account) {
	factor := account.Factor{ID: sampleCredential, Method: "token", CreatedAt: sampleTime, Detail: map[string]any{}}
	a.AddPhone = func(context.Context, countersign.Caller, string) (countersign.Phone, error) {
		return samplePhone(), h.note("add phone")
	}
	a.VerifyPhone = func(_ context.Context, _ countersign.Caller, number, code string) (countersign.Identity, error) {
		return sampleIdentity(), h.note("verify " + number + " " + code)
	}
	a.RemovePhone = func(_ context.Context, _ countersign.Caller, number string) error { return h.note("remove " + number) }
	a.Security = func(context.Context, countersign.Caller) (account.Security, error) {
		return account.Security{First: []string{"password"}, Second: []string{"token"}, Spare: []string{}, Kept: []account.Kept{{Method: "token", Path: "tokens", Items: []account.Factor{factor}}}}, h.note("security")
	}
	a.Collections = collections
	a.Factors = func(_ context.Context, _ countersign.Caller, path string) ([]account.Factor, error) {
		return []account.Factor{factor}, h.note("list " + path)
	}
	a.Prepare = func(_ context.Context, _ countersign.Caller, path string) (json.RawMessage, error) {
		return json.RawMessage(shownSecret), h.note("prepare " + path)
	}
	a.Add = func(_ context.Context, _ countersign.Caller, path string, body json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(cmp.Or(h.shown, shownSecret)), h.note("add " + path + " " + string(body))
	}
	a.Confirm = func(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID, body json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(`{"id":"` + string(id) + `"}`), h.note("confirm " + path + " " + string(id) + " " + string(body))
	}
	a.Rename = func(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID, name string) (account.Factor, error) {
		return factor, h.note("rename " + path + " " + string(id) + " " + name)
	}
	a.Remove = func(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID) error {
		return h.note("remove " + path + " " + string(id))
	}
}

func TestEveryCollectionHasTheCallsThatItsKindAllows(t *testing.T) {
	var have []string
	for _, rt := range newHouse(t).api.book().routes {
		for path := range collections() {
			if rest, ok := strings.CutPrefix(rt.path, "/v1/account/"+path); ok {
				have = append(have, path+" "+rt.method+" "+rest)
			}
		}
	}
	slices.Sort(have)
	want := []string{
		"places DELETE /{id}", "places GET ", "places PATCH /{id}", "places POST ",
		"sheet DELETE /{id}", "sheet GET ", "sheet POST ",
		"tokens DELETE /{id}", "tokens GET ", "tokens PATCH /{id}", "tokens POST ", "tokens POST /options", "tokens POST /{id}/confirm",
		"waiting DELETE /{id}", "waiting GET ",
	}
	if diff := gocmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAMethodIsSentReachesItAsItCame(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v1/account/tokens", "", 200, "list tokens"},
		{"POST", "/v1/account/tokens", "", 201, "add tokens "},
		{"POST", "/v1/account/tokens", `{}`, 201, `add tokens {}`},
		{"POST", "/v1/account/tokens", `{"response": {"n":12345678901234567890.10}}`, 201, `add tokens {"response": {"n":12345678901234567890.10}}`},
		{"POST", "/v1/account/sheet", "", 201, "add sheet "},
		{"POST", "/v1/account/tokens/options", "", 200, "prepare tokens"},
		{"POST", "/v1/account/tokens/options", `{}`, 200, "prepare tokens"},
		{"POST", "/v1/account/tokens/" + aCredential + "/confirm", `{"code":"123456"}`, 200, "confirm tokens " + aCredential + ` {"code":"123456"}`},
		{"PATCH", "/v1/account/tokens/" + aCredential, `{"name":"Desk"}`, 200, "rename tokens " + aCredential + " Desk"},
		{"DELETE", "/v1/account/tokens/" + aCredential, "", 204, "remove tokens " + aCredential},
		{"GET", "/v1/account/security", "", 200, "security"},
		{"POST", "/v1/account/phones", `{"number":"+44 20 7946 0958"}`, 201, "add phone"},
		{"POST", "/v1/account/phones/+442079460958/verify", `{"code":"123456"}`, 200, "verify +442079460958 123456"},
		{"DELETE", "/v1/account/phones/+442079460958", "", 204, "remove +442079460958"},
		{"POST", anAttempt + "/reset", "", 202, "begin reset"},
		{"POST", "/v1/factor-reset/cancel", `{"token":"cs_lnk_x"}`, 204, "cancel reset cs_lnk_x"},
		{"POST", "/v1/admin/identities/" + string(adaID) + "/reset-factors", `{"reason":"Came by."}`, 204, "reset factors Came by."},
	} {
		h := newHouse(t)
		w := h.ask(t, c.method, c.path, c.body, signedIn...)
		if w.Code != c.status || h.calls() != 1 || h.reached[0] != c.want {
			t.Errorf("%s %s %s: %d %s, reached %q", c.method, c.path, c.body, w.Code, w.Body, h.reached)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s %s: the answer may be kept: %v", c.method, c.path, w.Header())
		}
	}
}

func TestWhatIsNoRequestOfACollectionReachesNobody(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		status             int
		allow              string
	}{
		{"POST", "/v1/account/tokens", `[]`, 400, ""},
		{"POST", "/v1/account/tokens", `{"a":1,"a":2}`, 400, ""},
		{"POST", "/v1/account/tokens", `{"name":"a\u0000"}`, 400, ""},
		{"POST", "/v1/account/tokens/options", `{"x":1}`, 400, ""},
		{"POST", "/v1/account/tokens/crd_x/confirm", `{"code":"1"}`, 404, ""},
		{"POST", "/v1/account/tokens/" + aCredential + "/confirm", "", 415, ""},
		{"PATCH", "/v1/account/tokens/" + aCredential, `{"name":""}`, 400, ""},
		{"PATCH", "/v1/account/tokens/" + aCredential, `{"name":"a\nb"}`, 400, ""},
		{"PATCH", "/v1/account/tokens/" + aCredential, `{"name":"` + strings.Repeat("a", 61) + `"}`, 400, ""},
		{"PATCH", "/v1/account/sheet/" + aCredential, `{"name":"x"}`, 405, "DELETE"},
		{"GET", "/v1/account/tokens/options", "", 405, "POST"},
		{"DELETE", "/v1/account/tokens/options", "", 405, "POST"},
		{"GET", "/v1/account/tokens/" + aCredential, "", 405, "DELETE, PATCH"},
		{"POST", "/v1/account/sheet/options", "", 405, "DELETE"},
		{"POST", "/v1/account/waiting", "", 405, "GET, HEAD"},
		{"DELETE", "/v1/account/tokens/" + string(adaID), "", 404, ""},
		{"GET", "/v1/account/nothing-of-ours", "", 404, ""},
		{"POST", "/v1/attempts", `{"purpose":"step_up","level":"aal3"}`, 400, ""},
		{"POST", "/v1/factor-reset/cancel", `{"token":"a b"}`, 400, ""},
		{"POST", "/v1/factor-reset/cancel", `{}`, 400, ""},
		{"POST", "/v1/admin/identities/" + string(adaID) + "/reset-factors", `{"reason":""}`, 400, ""},
		{"POST", "/v1/admin/identities/" + string(adaID) + "/reset-factors", `{"reason":"a\nb"}`, 400, ""},
		{"POST", "/v1/admin/identities/" + string(adaID) + "/reset-factors", "", 415, ""},
	} {
		h := newHouse(t)
		w := h.ask(t, c.method, c.path, c.body, signedIn...)
		if w.Code != c.status || h.calls() != 0 || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s %.80s: %d %s, allow %q, reached %q", c.method, c.path, c.body, w.Code, w.Body, w.Header().Get("Allow"), h.reached)
		}
	}
}

func TestAStrangerHasNoCollections(t *testing.T) {
	h := newHouse(t)
	for _, rt := range h.api.book().routes {
		if rt.tag != "Security" && rt.tag != "Phone numbers" {
			continue
		}
		body := ""
		if rt.body != nil {
			text, err := json.Marshal(rt.body)
			if err != nil {
				t.Fatal(err)
			}
			body = string(text)
		}
		if w := h.ask(t, rt.method, target(rt), body); w.Code != http.StatusUnauthorized || h.calls() != 0 {
			t.Errorf("%s %s: %d, reached %q", rt.method, rt.path, w.Code, h.reached)
		}
	}
}

func TestTheLevelOfAStepUpIsPassedOnAndNoNameIsNeeded(t *testing.T) {
	h := newHouse(t)
	if w := h.ask(t, "POST", attemptsPath, `{"purpose":"step_up","level":"aal2"}`, signedIn...); w.Code != 200 || h.started.Level != "aal2" || h.started.Identifier != "" {
		t.Errorf("%d, level %q, identifier %q", w.Code, h.started.Level, h.started.Identifier)
	}
}

func TestAnAnswerWithASecretIsKeptForMinutesOnly(t *testing.T) {
	for _, rt := range newHouse(t).api.book().routes {
		may := rt.method == "POST" && (strings.HasPrefix(rt.path, "/v1/attempts") && rt.status != 202 || rt.tag == "Security")
		if rt.secret != may {
			t.Errorf("%s %s: kept as if it held a secret: %v, want %v", rt.method, rt.path, rt.secret, may)
		}
	}
}

func TestABrowserIsRememberedByACookieOfTheOneCollectionThatIsMeant(t *testing.T) {
	h := newHouse(t)
	h.api.Remember, h.api.RememberFor = "places", 30*24*time.Hour
	h.shown = `{"id":"` + aCredential + `","token":"cs_dev_x"}`
	w := h.ask(t, "POST", "/v1/account/places", "", signedIn...)
	c := w.Result().Cookies()
	if w.Code != 201 || len(c) != 1 || c[0].Name != "__Host-countersign-remembered" || c[0].Value != "cs_dev_x" || c[0].MaxAge != 30*24*3600 || !c[0].HttpOnly || !c[0].Secure {
		t.Errorf("%d %v", w.Code, c)
	}
	if w := h.ask(t, "POST", "/v1/account/tokens", "", signedIn...); len(w.Result().Cookies()) != 0 {
		t.Errorf("another collection's token became a cookie: %v", w.Result().Cookies())
	}
	h.fail = countersign.ErrStepUp
	if w := h.ask(t, "POST", "/v1/account/places", "", signedIn...); w.Code != 403 || len(w.Result().Cookies()) != 0 {
		t.Errorf("a refusal: %d %v", w.Code, w.Result().Cookies())
	}
}

func TestAMethodWithoutExamplesIsDescribedAllTheSame(t *testing.T) {
	h := newHouse(t)
	h.api.Shapes = nil
	b := h.api.book()
	doc := b.document()
	for _, path := range []string{"/v1/account/tokens", "/v1/account/places"} {
		if doc.Paths[path] == nil || doc.Paths[path].Post == nil {
			t.Errorf("%s is not described", path)
		}
	}
	if doc.Paths["/v1/account/tokens"].Post.RequestBody.Required || !doc.Paths["/v1/account/tokens/{id}"].Patch.RequestBody.Required {
		t.Error("the document is wrong about which bodies are needed")
	}
}
