package server_test

import (
	"testing"

	"github.com/countersign-id/countersign/countersigntest"
)

func TestAWholeStoryOverJSON(t *testing.T) {
	s := countersigntest.New(t, countersigntest.Options{})
	token := s.SignUp("ada@example.com")
	me := s.Call("GET", "/v1/session", token, nil)
	if me.Status != 200 || me.Get("identity.emails.0.address") != "ada@example.com" || me.Get("session.assurance") != "aal1" {
		t.Fatalf("%d %s", me.Status, me.Body)
	}
	in := s.SignIn("ada@example.com", countersigntest.Password)
	if in.Status != 200 && in.Status != 201 {
		t.Fatalf("%d %s", in.Status, in.Body)
	}
	t.Logf("%d %s", in.Status, me.Body)
}
