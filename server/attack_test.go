package server_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/countersigntest"
)

func (v visit) phone(token, number string) {
	v.Helper()
	v.want(201, "", "POST", "/v1/account/phones", token, body{"number": number})
	v.want(200, "", "POST", "/v1/account/phones/%2B"+number[1:]+"/verify", token, body{"code": v.Wait(number, 0).Code()})
}

// A text message is the account's second step; its mailbox must not be a way around it.
func TestAMailboxIsNoWayAroundATextMessage(t *testing.T) {
	v := newVisit(t, "policy.second=totp,sms_code")
	token := v.SignUp("ada@example.com")
	v.phone(token, "+442079460958")
	v.Wait("ada@example.com", 1) // the letter about the number comes first
	before := len(v.Letters("ada@example.com"))
	r := v.Call("POST", "/v1/attempts", "", body{"purpose": "recover", "identifier": "ada@example.com", "issue": "session_token"})
	v.want(200, "", "POST", "/v1/attempts/"+r.Get("id")+"/evidence", "", body{"method": "email_code", "code": v.Wait("ada@example.com", before).Code()})
	done := v.Call("POST", "/v1/attempts/"+r.Get("id")+"/evidence", "", body{"method": "password", "password": "gravel under the old pier"})
	if done.Get("state") == "complete" {
		gone := v.Call("DELETE", "/v1/account/phones/"+strings.ReplaceAll("+442079460958", "+", "%2B"), done.Get("session_token"), nil)
		t.Errorf("the mailbox alone opened a session: %s; the number was removed: %d", done.Get("session.methods.0"), gone.Status)
	}
}

// A stale session must not keep its owner from getting back in.
func TestAThiefsSignOutElsewhereDoesNotStopARecovery(t *testing.T) {
	v := newVisit(t)
	thief := v.SignUp("ada@example.com")
	v.Advance(24 * time.Hour)
	before := len(v.Letters("ada@example.com"))
	r := v.Call("POST", "/v1/attempts", "", body{"purpose": "recover", "identifier": "ada@example.com"})
	a := v.Call("DELETE", "/v1/sessions", thief, nil)
	r2 := v.Call("POST", "/v1/attempts/"+r.Get("id")+"/evidence", "", body{"method": "email_code", "code": v.Wait("ada@example.com", before).Code()})
	if r2.Status != 200 {
		t.Errorf("end others: %d %s; the owner's recovery: %d %s", a.Status, a.Body, r2.Status, r2.Get("code"))
	}
}

// Where a role needs two factors, a session of one does not do what the role may.
func TestARoleIsNotUsedBelowItsLevel(t *testing.T) {
	v := newVisit(t, "policy.roles=admin: aal2 phishing_resistant")
	token := v.SignUp("ada@example.com")
	v.SignUp("bob@example.com")
	who := countersign.IdentityID(v.Call("GET", "/v1/account", token, nil).Get("id"))
	roles := []string{"admin"}
	if _, err := v.Admin.Patch(t.Context(), countersign.Caller{System: "test"}, who, admin.Patch{Roles: &roles}); err != nil {
		t.Fatal(err)
	}
	list := v.Call("GET", "/v1/admin/identities", token, nil)
	add := v.Call("POST", "/v1/admin/identities", token, body{"email": "eve@example.com", "roles": []string{"admin"}})
	if add.Status < 300 {
		t.Errorf("a session of a password alone lists everybody (%d) and makes another administrator (%d)", list.Status, add.Status)
	}
}

// An account with a password and a passkey, where everybody needs two factors: over HTTP, by the default lists.
func TestAPasswordAndThenAPasskey(t *testing.T) {
	v := newVisit(t)
	token := v.SignUp("ada@example.com")
	a := v.Call("POST", "/v1/account/passkeys/options", token, nil)
	options, err := virtualwebauthn.ParseAttestationOptions(string(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	rp := virtualwebauthn.RelyingParty{ID: "localhost", Name: "Countersign", Origin: v.URL}
	auth, cred := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	auth.Options.UserHandle, _ = base64.RawURLEncoding.DecodeString(a.Get("publicKey.user.id"))
	made := virtualwebauthn.CreateAttestationResponse(rp, auth, cred, *options)
	v.want(201, "", "POST", "/v1/account/passkeys", token, body{"name": "Laptop", "response": json.RawMessage(made)})
	auth.AddCredential(cred)
	v.Advance(time.Hour)
	// A step-up to two factors: the password, then the passkey.
	up := v.Call("POST", "/v1/attempts", token, body{"purpose": "step_up", "level": "aal2", "issue": "session_token", "evidence": body{"method": "password", "password": countersigntest.Password}})
	asked := v.Call("POST", "/v1/attempts/"+up.Get("id")+"/challenges", token, body{"method": "passkey"})
	if asked.Status != 200 {
		t.Errorf("the passkey that it asks for: %d %s", asked.Status, asked.Body)
	}
}

// Whoever helps somebody whose second step was a text message has something to reset.
func TestAnAdministratorCanHelpWhoLostTheNumber(t *testing.T) {
	v := newVisit(t, "policy.second=sms_code", "policy.first=password")
	token := v.SignUp("ada@example.com")
	v.phone(token, "+442079460958")
	a := v.Call("POST", "/v1/attempts", "", body{"purpose": "sign_in", "identifier": "ada@example.com", "issue": "session_token", "evidence": body{"method": "password", "password": countersigntest.Password}})
	id := a.Get("id")
	v.Call("POST", "/v1/attempts/"+id+"/reset", "", nil)
	v.Advance(73 * time.Hour)
	a = v.Call("POST", "/v1/attempts", "", body{"purpose": "sign_in", "identifier": "ada@example.com", "issue": "session_token", "evidence": body{"method": "password", "password": countersigntest.Password}})
	v.want(200, "", "POST", "/v1/attempts/"+a.Get("id")+"/evidence", "", json.RawMessage(`{"method":"factor_reset"}`))
	again := v.Call("POST", "/v1/attempts", "", body{"purpose": "sign_in", "identifier": "ada@example.com", "issue": "session_token", "evidence": body{"method": "password", "password": countersigntest.Password}})
	if again.Get("state") != "complete" {
		t.Errorf("after a reset the lost number is still asked for: %s", again.Body)
	}
}

// The one-time code of a first step is of one identity: with many names and many networks still one budget.
func TestWrongCodesInManyAttemptsShareABudget(t *testing.T) {
	v := newVisit(t)
	v.SignUp("ada@example.com")
	looked := 0
	for range 40 {
		a := v.Call("POST", "/v1/attempts", "", body{"purpose": "sign_in", "identifier": "ada@example.com"})
		v.Call("POST", "/v1/attempts/"+a.Get("id")+"/challenges", "", body{"method": "email_code"})
		if r := v.Call("POST", "/v1/attempts/"+a.Get("id")+"/evidence", "", body{"method": "email_code", "code": "00000000"}); r.Status == 401 {
			looked++
		}
	}
	if looked > 10 {
		t.Errorf("%d guesses", looked)
	}
	{
		const purpose = "recover"
		a := v.Call("POST", "/v1/attempts", "", body{"purpose": purpose, "identifier": "ada@example.com"})
		if r := v.Call("POST", "/v1/attempts/"+a.Get("id")+"/evidence", "", body{"method": "email_code", "code": "00000000"}); r.Status == 401 {
			t.Errorf("one more by %s", purpose)
		}
	}
}
