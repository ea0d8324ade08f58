package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/internal/secret"
)

func (h *house) setupLink() string {
	h.Helper()
	token, err := h.SetupLink(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return token
}

// setup uses a link and says what became of it.
func (h *house) setup(token string, in admin.New) error {
	i, s, pass, err := h.Setup(h.Context(), countersign.Caller{}, token, in)
	if err == nil && (!i.Has(admin.Role) || s.Identity != i.ID || pass == "" || !i.Emails[0].Verified) {
		h.Errorf("set up: %+v", i)
	}
	if err != nil && pass != "" {
		h.Error("a session came with the refusal")
	}
	return err
}

func TestTheFirstAdministratorIsMadeOnceByTheNewestLink(t *testing.T) {
	h := newHouse(t)
	first := admin.New{Email: "root@example.com", Secret: pw(good)}
	h.refused("no link was made yet", countersign.ErrExpired, func() error { return h.SetupCheck(h.Context(), "") })
	old := h.setupLink()
	link := h.setupLink()
	other, hash := secret.New(secret.Link)
	h.apply(&countersign.Change{Challenge: &countersign.Challenge{
		Scope: "att_1", Method: "email_code", Keep: hash[:], Lookup: hash[:], Tries: 5, Expires: h.at.Add(time.Hour)}})
	strange, _ := secret.New(secret.Link)
	pass, _ := secret.New(secret.Session)
	for what, bad := range map[string]string{
		"nothing": "", "the link before": old, "a made-up link": strange, "half a link": link[:20], "another kind of token": pass, "a link from a letter": other,
	} {
		h.refused(what, countersign.ErrExpired, func() error { return h.setup(bad, first) })
		h.refused(what+", looked at", countersign.ErrExpired, func() error { return h.SetupCheck(h.Context(), bad) })
	}
	for what, in := range map[string]admin.New{
		"nobody": {Secret: pw(good)}, "one without password": {Email: "root@example.com"}, "one with a weak password": {Email: "root@example.com", Secret: pw("password1")},
	} {
		h.refused(what, countersign.ErrMalformed, func() error { return h.setup(link, in) })
	}
	for range 3 { // looking, as mail scanners and browsers do, spends nothing
		if err := h.SetupCheck(h.Context(), link); err != nil {
			t.Fatalf("the link after all that: %v", err)
		}
	}
	if err := h.setup(link, first); err != nil {
		t.Fatalf("the link: %v", err)
	}
	h.refused("the link again", countersign.ErrExpired, func() error { return h.setup(link, admin.New{Email: "eve@example.com", Secret: pw(good)}) })
	if open, err := h.SetupOpen(h.Context()); err != nil || open {
		t.Errorf("set-up is open: %t, %v", open, err)
	}
	late := h.setupLink()
	h.refused("a link that was made afterwards", countersign.ErrExpired, func() error {
		return h.setup(late, admin.New{Email: "eve@example.com", Secret: pw(good)})
	})
}

// The role is given by the link, not by what the form says; and the form cannot ask for a kind or an unproved address.
func TestSetUpMakesAPersonWithTheRole(t *testing.T) {
	h := newHouse(t)
	i, s, _, err := h.Setup(h.Context(), countersign.Caller{System: "cli"}, h.setupLink(), admin.New{
		Kind: countersign.Service, Email: "root@example.com", Unverified: true, Roles: []string{admin.Role, "editor"}, Secret: pw(good)})
	if err != nil || i.Kind != countersign.Person || !i.Emails[0].Verified || len(i.Roles) != 2 || s.Assurance != countersign.AAL1 {
		t.Fatalf("%+v, %v", i, err)
	}
	if e := h.events(countersign.EventFilter{Action: "identity.created"})[0]; e.Actor != string(i.ID) {
		t.Errorf("made by %q: who set it up is the new administrator, not a part of the system", e.Actor)
	}
}

func TestSomebodyWhoBecomesAdministratorClosesTheLink(t *testing.T) {
	h := newHouse(t)
	link, ada, roles := h.setupLink(), h.person("ada@example.com"), []string{admin.Role}
	if err := h.SetupCheck(h.Context(), link); err != nil {
		t.Fatalf("while there is none: %v", err)
	}
	if _, err := h.Patch(h.Context(), cli, ada.Identity.ID, admin.Patch{Roles: &roles}); err != nil {
		t.Fatal(err)
	}
	h.refused("the link", countersign.ErrExpired, func() error { return h.setup(link, admin.New{Email: "eve@example.com", Secret: pw(good)}) })
}

func TestAnAdministratorMadeElsewhereClosesTheLink(t *testing.T) {
	h := newHouse(t)
	link := h.setupLink()
	root := h.person("root@example.com", admin.Role)
	h.refused("the link", countersign.ErrExpired, func() error { return h.setup(link, admin.New{Email: "eve@example.com", Secret: pw(good)}) })
	h.person("second@example.com", admin.Role)
	if err := h.Delete(h.Context(), cli, root.Identity.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.SetupCheck(h.Context(), link); !errors.Is(err, countersign.ErrExpired) {
		t.Errorf("the link after that administrator has gone: %v", err)
	}
}
