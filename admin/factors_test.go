package admin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/internal/ids"
)

// sheet gives somebody recovery codes, as their owner would, and returns the codes.
func (h *house) sheet(of countersign.Caller) (codes []string) {
	h.Helper()
	m := h.Methods["recovery_code"].(countersign.Preparer)
	s := countersign.Subject{Identity: of.Identity.ID}
	asked, err := m.Prepare(h.Context(), s)
	if err != nil {
		h.Fatal(err)
	}
	made, err := m.Enroll(h.Context(), s, countersign.Evidence{Method: m.Name(), Subject: s, Answer: json.RawMessage(`{"method":"recovery_code"}`), Asked: asked.Keep})
	if err != nil {
		h.Fatal(err)
	}
	made.ID = countersign.CredentialID(ids.New("crd", h.at))
	h.apply(&countersign.Change{Credentials: []countersign.Credential{made}})
	var shown struct{ Codes []string }
	if err := json.Unmarshal(asked.Show, &shown); err != nil {
		h.Fatal(err)
	}
	return shown.Codes
}

// app gives somebody an authenticator app; what is in it does not matter here.
func (h *house) app(of countersign.Caller, name string) {
	h.Helper()
	h.apply(&countersign.Change{Credentials: []countersign.Credential{{ID: countersign.CredentialID(ids.New("crd", h.at)), Identity: of.Identity.ID,
		Method: "totp", Name: name, Data: []byte(`{"secret":"c2VjcmV0IG9mIHRoZSBhcHA="}`), CreatedAt: h.at, UsedAt: h.at}}})
}

// set lists what somebody has, as the administrator sees it.
func (h *house) set(of countersign.Caller) (methods []string) {
	h.Helper()
	list, err := h.Factors(h.Context(), cli, of.Identity.ID)
	if err != nil {
		h.Fatal(err)
	}
	for _, f := range list {
		methods = append(methods, f.Method)
	}
	return methods
}

func TestAnAdministratorSeesWhatIsSetUpAndNoSecret(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.at = h.at.Add(time.Second)
	codes := h.sheet(ada)
	h.at = h.at.Add(time.Second)
	h.app(ada, "Telephone")
	list, err := h.Factors(t.Context(), cli, ada.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"password", "recovery_code", "totp"}, h.set(ada)); diff != "" {
		t.Fatal(diff)
	}
	if fmt.Sprint(list[1].Detail["left"]) != "10" || list[1].UsedAt != nil || list[2].Name != "Telephone" || !list[2].UsedAt.Equal(h.at) {
		t.Errorf("%+v", list)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append(codes, "c2VjcmV0", "secret", "argon2", good) {
		if strings.Contains(string(text), secret) {
			t.Errorf("the list holds %q", secret)
		}
	}
	if list, err := h.Factors(t.Context(), cli, h.nobody().Identity.ID); err != nil || list == nil || len(list) != 0 {
		t.Errorf("of one who has nothing: %v, %v", list, err)
	}
}

// nobody has no credential at all.
func (h *house) nobody() countersign.Caller {
	h.Helper()
	i, err := h.Add(h.Context(), cli, admin.New{Username: "bare"})
	if err != nil {
		h.Fatal(err)
	}
	return countersign.Caller{Identity: i}
}

func TestAResetTakesAllThatIsLostAndLeavesThePassword(t *testing.T) {
	h := newHouse(t)
	root, ada, eve := h.person("root@example.com", admin.Role), h.person("ada@example.com"), h.person("eve@example.com")
	for _, who := range []countersign.Caller{ada, eve} {
		h.sheet(who)
		h.app(who, "Telephone")
		h.app(who, "Desk")
	}
	before, err := h.Show(t.Context(), root, ada.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ResetFactors(t.Context(), root, ada.Identity.ID, "  Came to the desk with a passport. "); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"password"}, h.set(ada)); diff != "" {
		t.Error(diff)
	}
	if len(h.set(eve)) != 4 || h.lives(ada) || !h.lives(eve) {
		t.Errorf("another has %v; her session lives: %t, another's: %t", h.set(eve), h.lives(ada), h.lives(eve))
	}
	after, err := h.Show(t.Context(), root, ada.Identity.ID)
	if err != nil || after.Version != before.Version+1 {
		t.Errorf("version %d, was %d: an attempt begun before goes on: %v", after.Version, before.Version, err)
	}
	list := h.events(countersign.EventFilter{Action: "factors.reset"})
	if len(list) != 1 || list[0].Actor != string(root.Identity.ID) || list[0].Subject != ada.Identity.ID ||
		cmp.Diff(map[string]string{"reason": "Came to the desk with a passport.", "methods": "recovery_code totp"}, list[0].Detail) != "" {
		t.Errorf("the record: %+v", list)
	}
	h.refused("again", countersign.ErrConflict, func() error {
		return h.ResetFactors(t.Context(), root, ada.Identity.ID, "Came to the desk with a passport.")
	})
}

func TestEveryVerifiedAddressIsToldTheReasonOfAReset(t *testing.T) {
	h := newHouse(t)
	root, ada := h.person("root@example.com", admin.Role), h.person("ada@example.com")
	h.sheet(ada)
	i, err := h.Show(t.Context(), cli, ada.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	i.Emails = append(i.Emails, countersign.Email{Address: "ada@second.example", Verified: true}, countersign.Email{Address: "ada@third.example"})
	h.apply(&countersign.Change{Identity: &i})
	if err := h.ResetFactors(t.Context(), root, i.ID, "Came by."); err != nil {
		t.Fatal(err)
	}
	list, err := h.db.ClaimMessages(t.Context(), time.Minute, 100)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range list {
		told[m.To] = true
		if m.Template != "factors_reset_by_admin" || m.Data["reason"] != "Came by." || m.Data["network"] != "" || m.Data["device"] != "" {
			t.Errorf("%+v", m)
		}
	}
	if diff := cmp.Diff([]string{"ada@example.com", "ada@second.example"}, slices.Sorted(maps.Keys(told))); diff != "" {
		t.Error(diff)
	}
}

func TestAResetNeedsAReason(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.sheet(ada)
	for _, reason := range []string{"", "   ", "a\nb", "a\x00b", "\u2028", "a\u2028b", strings.Repeat("a", 201), "\xff"} {
		h.refused(fmt.Sprintf("%.20q for a reason", reason), countersign.ErrMalformed, func() error { return h.ResetFactors(t.Context(), cli, ada.Identity.ID, reason) })
	}
	if err := h.ResetFactors(t.Context(), cli, ada.Identity.ID, strings.Repeat("ü", 200)); err != nil {
		t.Errorf("200 characters: %v", err)
	}
	h.refused("somebody who is not there", countersign.ErrNotFound, func() error {
		return h.ResetFactors(t.Context(), cli, countersign.IdentityID(ids.New("idn", h.at)), "Came by.")
	})
	bare := h.nobody()
	h.refused("one who has nothing", countersign.ErrConflict, func() error { return h.ResetFactors(t.Context(), cli, bare.Identity.ID, "Came by.") })
}
