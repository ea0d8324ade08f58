package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign/countersigntest"
)

// visit is one story with a server.
type visit struct {
	*testing.T
	*countersigntest.Server
}

func newVisit(t *testing.T, set ...string) visit {
	return visit{t, countersigntest.New(t, countersigntest.Options{Set: set})}
}

// want makes a call and checks its status and, for a refusal, its code.
func (v visit) want(status int, code, method, path, token string, body any) countersigntest.Answer {
	v.Helper()
	a := v.Call(method, path, token, body)
	if a.Status != status || a.Get("code") != code {
		v.Errorf("%s %s: %d %s, want %d %s\n%s", method, path, a.Status, a.Get("code"), status, code, a.Body)
	}
	return a
}

type body = map[string]any

func TestChangingThePasswordEndsTheOtherSessions(t *testing.T) {
	v := newVisit(t)
	mine, other := v.SignUp("ada@example.com"), v.SignIn("ada@example.com", countersigntest.Password).Get("session_token")
	path, next := "/v1/account/password", "gravel under the old pier"
	v.want(401, "invalid_credentials", "PUT", path, mine, body{"current_password": "not this one at all", "new_password": next})
	v.want(400, "invalid_request", "PUT", path, mine, body{"current_password": countersigntest.Password, "new_password": "password"})
	v.want(400, "invalid_request", "PUT", path, mine, body{"current_password": countersigntest.Password, "new_password": next, "extra": 1})
	v.want(401, "unauthenticated", "PUT", path, "", body{"current_password": countersigntest.Password, "new_password": next})
	v.want(204, "", "PUT", path, mine, body{"current_password": countersigntest.Password, "new_password": next})
	v.want(200, "", "GET", "/v1/session", mine, nil)
	v.want(401, "unauthenticated", "GET", "/v1/session", other, nil)
	if v.SignIn("ada@example.com", countersigntest.Password).Status != 401 || v.SignIn("ada@example.com", next).Status != 200 {
		t.Error("the old password signs in, or the new one does not")
	}
	if l := v.Wait("ada@example.com", 1); strings.Contains(l.Text, next) || l.Code() != "" {
		t.Error("the letter about it holds a secret")
	}
}

func TestAnAddressIsAddedProvedMadePrimaryAndRemoved(t *testing.T) {
	v := newVisit(t)
	token, second := v.SignUp("ada@example.com"), "ada@second.example"
	v.want(400, "invalid_request", "POST", "/v1/account/emails", token, body{"address": "ada@@second.example"})
	v.want(201, "", "POST", "/v1/account/emails", token, body{"address": "Ada@Second.example"})
	v.want(409, "conflict", "POST", "/v1/account/emails/"+second+"/primary", token, nil)
	v.want(401, "invalid_credentials", "POST", "/v1/account/emails/"+second+"/verify", token, body{"code": "00000000"})
	v.want(404, "not_found", "POST", "/v1/account/emails/eve@example.com/verify", token, body{"code": "00000000"})
	if v.SignIn(second, countersigntest.Password).Status != 401 {
		t.Error("an address that is not proved signs in")
	}
	v.want(200, "", "POST", "/v1/account/emails/"+second+"/verify", token, body{"code": v.Wait(second, 0).Code()})
	if v.SignIn(second, countersigntest.Password).Status != 200 {
		t.Error("a proved address does not sign in")
	}
	v.want(200, "", "POST", "/v1/account/emails/"+second+"/primary", token, nil)
	v.want(409, "conflict", "DELETE", "/v1/account/emails/"+second, token, nil)
	v.want(204, "", "DELETE", "/v1/account/emails/ada@example.com", token, nil)
	if a := v.want(200, "", "GET", "/v1/account", token, nil); a.Get("emails.0.address") != second || a.Get("emails.1") != "" {
		t.Errorf("%s", a.Body)
	}
}

func TestSomebodyElsesAddressCannotBeProvedAway(t *testing.T) {
	v := newVisit(t)
	v.SignUp("ada@example.com")
	eve := v.SignUp("eve@example.com")
	seen := len(v.Letters("ada@example.com"))
	v.want(201, "", "POST", "/v1/account/emails", eve, body{"address": "ada@example.com"})
	code := v.Wait("ada@example.com", seen).Code()
	v.want(401, "invalid_credentials", "POST", "/v1/account/emails/ada@example.com/verify", eve, body{"code": code})
	if v.SignIn("ada@example.com", countersigntest.Password).Get("identity.id") == v.want(200, "", "GET", "/v1/account", eve, nil).Get("id") {
		t.Error("eve has ada's address")
	}
}

func TestSensitiveChangesNeedAFreshProof(t *testing.T) {
	v := newVisit(t)
	token := v.SignUp("ada@example.com")
	v.Advance(11 * time.Minute)
	for _, c := range [][2]string{{"POST", "/v1/account/emails"}, {"DELETE", "/v1/account/emails/ada@example.com"}, {"GET", "/v1/account/export"}, {"DELETE", "/v1/account"}} {
		var in any
		if c[0] == "POST" {
			in = body{"address": "ada@second.example"}
		}
		v.want(403, "step_up_required", c[0], c[1], token, in)
	}
	up := v.want(200, "", "POST", "/v1/attempts", token, body{"purpose": "step_up", "issue": "session_token",
		"evidence": body{"method": "password", "password": countersigntest.Password}})
	fresh := up.Get("session_token")
	if fresh == "" || fresh == token {
		t.Fatalf("%s", up.Body)
	}
	v.want(401, "unauthenticated", "GET", "/v1/session", token, nil)
	v.want(200, "", "GET", "/v1/account/export", fresh, nil)
	v.want(204, "", "DELETE", "/v1/account", fresh, nil)
	v.want(401, "unauthenticated", "GET", "/v1/session", fresh, nil)
	if v.SignIn("ada@example.com", countersigntest.Password).Status != 401 {
		t.Error("a deleted account signs in")
	}
	v.SignUp("ada@example.com") // and the address is free again
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	v := newVisit(t)
	first := v.SignUp("ada@example.com")
	eve := v.SignUp("eve@example.com")
	second := v.SignIn("ada@example.com", countersigntest.Password)
	third := v.SignIn("ada@example.com", countersigntest.Password)
	list := v.want(200, "", "GET", "/v1/sessions", first, nil)
	if list.Get("items.2.id") == "" || list.Get("items.3.id") != "" || list.Get("items.0.device.name") == "" {
		t.Fatalf("%s", list.Body)
	}
	if page := v.want(200, "", "GET", "/v1/sessions?limit=2", first, nil); page.Get("next") != page.Get("items.1.id") {
		t.Errorf("%s", page.Body)
	}
	id := second.Get("session.id")
	v.want(404, "not_found", "DELETE", "/v1/sessions/"+id, eve, nil)
	v.want(204, "", "DELETE", "/v1/sessions/"+id, first, nil)
	v.want(401, "unauthenticated", "GET", "/v1/session", second.Get("session_token"), nil)
	v.want(204, "", "DELETE", "/v1/sessions", first, nil)
	v.want(401, "unauthenticated", "GET", "/v1/session", third.Get("session_token"), nil)
	v.want(204, "", "DELETE", "/v1/session", first, nil)
	v.want(401, "unauthenticated", "GET", "/v1/session", first, nil)
	v.want(200, "", "GET", "/v1/session", eve, nil)
}

func TestAProfileIsChangedWithinItsRules(t *testing.T) {
	v := newVisit(t)
	ada, eve := v.SignUp("ada@example.com"), v.SignUp("eve@example.com")
	a := v.want(200, "", "PATCH", "/v1/account", ada, body{"name": "Ada Lovelace", "username": "Ada.L", "locale": "de-ch", "picture": "https://example.com/a.png"})
	if a.Get("username") != "ada.l" || a.Get("locale") != "de-CH" || a.Get("name") != "Ada Lovelace" {
		t.Errorf("%s", a.Body)
	}
	if v.SignIn("ADA.L", countersigntest.Password).Status != 200 {
		t.Error("the username does not sign in")
	}
	v.want(409, "conflict", "PATCH", "/v1/account", eve, body{"username": "ada.l"})
	for _, bad := range []body{
		{"username": "ada@example.com"}, {"username": "a"}, {"locale": "not a language"}, {"picture": "javascript:alert(1)"},
		{"picture": "http://example.com/a.png"}, {"name": "a\r\nb"}, {"name": strings.Repeat("a", 201)}, {"roles": []string{"admin"}}, {"id": "idn_x"},
	} {
		v.want(400, "invalid_request", "PATCH", "/v1/account", eve, bad)
	}
	if again := v.want(200, "", "PATCH", "/v1/account", ada, body{"username": "", "picture": ""}); again.Get("username") != "" || again.Get("picture") != "" {
		t.Errorf("%s", again.Body)
	}
}

func TestActivityIsTheOwnersOnly(t *testing.T) {
	v := newVisit(t)
	ada, eve := v.SignUp("ada@example.com"), v.SignUp("eve@example.com")
	v.SignIn("ada@example.com", "wrong wrong wrong")
	mine := string(v.want(200, "", "GET", "/v1/account/activity", ada, nil).Body)
	for _, action := range []string{"identity.created", "session.opened", "proof.refused"} {
		if !strings.Contains(mine, action) {
			t.Errorf("%s is missing in %s", action, mine)
		}
	}
	id := v.want(200, "", "GET", "/v1/account", ada, nil).Get("id")
	if strings.Contains(string(v.want(200, "", "GET", "/v1/account/activity", eve, nil).Body), id) {
		t.Error("eve reads ada's activity")
	}
}

func TestOnlyAdministratorsAdminister(t *testing.T) {
	v := newVisit(t)
	token, err := v.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if open, err := v.Admin.SetupOpen(t.Context()); err != nil || !open {
		t.Fatal(open, err)
	}
	root := v.setUp(token)
	ada := v.SignUp("ada@example.com")
	id := v.want(200, "", "GET", "/v1/account", ada, nil).Get("id")
	for _, c := range [][2]string{{"GET", "/v1/admin/identities"}, {"GET", "/v1/admin/identities/" + id}, {"DELETE", "/v1/admin/identities/" + id}, {"GET", "/v1/admin/audit"}} {
		v.want(401, "unauthenticated", c[0], c[1], "", nil)
		v.want(403, "forbidden", c[0], c[1], ada, nil)
	}
	v.want(403, "forbidden", "PATCH", "/v1/admin/identities/"+id, ada, body{"roles": []string{"admin"}})
	v.want(200, "", "PATCH", "/v1/admin/identities/"+id, root, body{"flags": []string{"beta"}, "metadata": body{"plan": "free"}})
	if list := v.want(200, "", "GET", "/v1/admin/identities?flag=beta", root, nil); list.Get("items.0.id") != id || list.Get("items.1") != "" {
		t.Errorf("%s", list.Body)
	}
	v.want(200, "", "PATCH", "/v1/admin/identities/"+id, root, body{"state": "disabled"})
	v.want(401, "unauthenticated", "GET", "/v1/session", ada, nil)
	if v.SignIn("ada@example.com", countersigntest.Password).Status != 401 {
		t.Error("a disabled identity signs in")
	}
	self := v.want(200, "", "GET", "/v1/account", root, nil).Get("id")
	v.want(409, "conflict", "PATCH", "/v1/admin/identities/"+self, root, body{"roles": []string{}})
	v.want(409, "conflict", "DELETE", "/v1/admin/identities/"+self, root, nil)
	v.want(204, "", "DELETE", "/v1/admin/identities/"+id, root, nil)
	v.want(404, "not_found", "GET", "/v1/admin/identities/"+id, root, nil)
}
