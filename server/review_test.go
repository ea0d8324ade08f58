package server_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/countersigntest"
	"github.com/countersign-id/countersign/login"
)

// Whoever knows the id of a recovery that its owner has just proved can choose the
// password, so a stolen session must not be able to read it.
func TestNobodyReadsTheIdOfAnAttemptInALog(t *testing.T) {
	v := newVisit(t)
	link, err := v.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, stolen := v.setUp(link), v.SignUp("ada@example.com")
	v.Advance(120e9)
	started := v.want(200, "", "POST", "/v1/attempts", "", body{"purpose": "recover", "identifier": "ada@example.com"}).Get("id")
	for path, token := range map[string]string{"/v1/account/activity": stolen, "/v1/account/export": stolen, "/v1/admin/audit": root} {
		a := v.Call("GET", path, token, nil)
		if a.Status == 403 {
			continue // it needs a fresh proof anyway
		}
		if strings.Contains(string(a.Body), started) || !strings.Contains(string(a.Body), "attempt.started") {
			t.Errorf("%s: %d, and the attempt's id is there or its event is not", path, a.Status)
		}
	}
}

func TestTheLastAdministratorCannotDeleteTheirOwnAccount(t *testing.T) {
	v := newVisit(t)
	link, err := v.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := v.setUp(link)
	v.want(409, "conflict", "DELETE", "/v1/account", root, nil)
	if _, err := v.Admin.Add(t.Context(), countersign.Caller{System: "cli"}, admin.New{Email: "next@example.com", Roles: []string{"admin"}}); err != nil {
		t.Fatal(err)
	}
	v.want(204, "", "DELETE", "/v1/account", root, nil)
}

// Eve adds Bob's address to her account; Bob's click must not give it to her.
func TestALinkForAnotherAccountProvesNothing(t *testing.T) {
	v := newVisit(t)
	eve, bob := v.SignUp("eve@example.com"), v.SignUp("bob@example.com")
	v.want(201, "", "POST", "/v1/account/emails", eve, body{"address": "bob@work.example"})
	_, token, _ := strings.Cut(v.Wait("bob@work.example", 0).Text, "token=")
	token, _, _ = strings.Cut(token, "\n")
	token = strings.TrimSpace(token)
	caller := func(token string) countersign.Caller {
		k, err := v.Sessions.Check(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return countersign.Caller{Identity: k.Identity, Session: k.Session}
	}
	for who, by := range map[string]countersign.Caller{"a stranger": {}, "bob": caller(bob)} {
		if _, err := v.Login.Follow(t.Context(), by, token, ""); !errors.Is(err, countersign.ErrForbidden) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if r, err := v.Login.Follow(t.Context(), caller(eve), token, ""); err != nil || r.State != countersign.Complete {
		t.Errorf("whoever added it: %v", err)
	}
}

// A password that is changed in the account, by an administrator or by the command
// line makes whatever was proved before open nothing.
func TestEveryChangeOfAPasswordMovesTheIdentityOn(t *testing.T) {
	v := newVisit(t)
	ada := v.SignUp("ada@example.com")
	id := countersign.IdentityID(v.want(200, "", "GET", "/v1/account", ada, nil).Get("id"))
	version := func() int64 {
		i, _, err := v.Store.SubjectOf(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return i.Version
	}
	before := version()
	v.want(204, "", "PUT", "/v1/account/password", ada, body{"current_password": countersigntest.Password, "new_password": "gravel under the old pier"})
	changed := version()
	secret, _ := json.Marshal(map[string]string{"method": "password", "password": countersigntest.Password})
	if err := v.Admin.SetSecret(t.Context(), countersign.Caller{System: "cli"}, id, secret); err != nil {
		t.Fatal(err)
	}
	set := version()
	if changed <= before || set <= changed {
		t.Errorf("versions %d, %d, %d", before, changed, set)
	}
	if _, err := v.Login.Start(t.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: "ada@example.com", Evidence: secret}); err != nil {
		t.Errorf("the new password: %v", err)
	}
}
