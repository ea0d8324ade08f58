package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
)

// deeds are all that an administrator can do, done to one identity.
func (h *house) deeds(to countersign.IdentityID) map[string]func(by countersign.Caller) error {
	ctx, flags := h.Context(), []string{"beta"}
	return map[string]func(by countersign.Caller) error{
		"Add": func(by countersign.Caller) error { _, err := h.Add(ctx, by, admin.New{Username: "made"}); return err },
		"List": func(by countersign.Caller) error {
			_, _, err := h.List(ctx, by, countersign.IdentityFilter{}, "", 10)
			return err
		},
		"Show": func(by countersign.Caller) error { _, err := h.Show(ctx, by, to); return err },
		"Patch": func(by countersign.Caller) error {
			_, err := h.Patch(ctx, by, to, admin.Patch{Flags: &flags})
			return err
		},
		"Sessions": func(by countersign.Caller) error { _, _, err := h.Sessions(ctx, by, to, "", 10); return err },
		"Events": func(by countersign.Caller) error {
			_, _, err := h.Events(ctx, by, countersign.EventFilter{}, "", 10)
			return err
		},
		"EndSessions": func(by countersign.Caller) error { return h.EndSessions(ctx, by, to, "") },
		"SetSecret":   func(by countersign.Caller) error { return h.SetSecret(ctx, by, to, pw("gravel under the old pier")) },
		"Factors":     func(by countersign.Caller) error { _, err := h.Factors(ctx, by, to); return err },
		"ResetFactors": func(by countersign.Caller) error {
			return h.ResetFactors(ctx, by, to, "came to the desk")
		},
		"Delete": func(by countersign.Caller) error { return h.Delete(ctx, by, to) },
	}
}

func TestOnlyAnAdministratorDoesAnything(t *testing.T) {
	h := newHouse(t)
	root, ada := h.person("root@example.com", admin.Role), h.person("ada@example.com")
	plain, disabled, almost := ada, root, ada
	disabled.Identity.State = countersign.Disabled
	almost.Identity.Roles = []string{"administrator", "", "Admin"}
	unsaid := root
	unsaid.Session = countersign.Session{}
	h.sheet(ada)
	deeds := h.deeds(ada.Identity.ID)
	for name, do := range deeds {
		for who, c := range map[string]struct {
			by   countersign.Caller
			want error
		}{
			"a stranger":                       {countersign.Caller{}, countersign.ErrUnauthenticated},
			"an administrator without session": {unsaid, countersign.ErrUnauthenticated},
			"a person":                         {plain, countersign.ErrForbidden},
			"one with a role that looks alike": {almost, countersign.ErrForbidden},
			"a disabled administrator":         {disabled, countersign.ErrForbidden},
		} {
			h.refused(name+" by "+who, c.want, func() error { return do(c.by) })
		}
	}
	for _, name := range []string{"List", "Show", "Sessions", "Events", "Add", "Patch", "EndSessions", "SetSecret", "Factors", "ResetFactors", "Delete"} {
		if err := deeds[name](root); err != nil {
			t.Errorf("%s by an administrator: %v", name, err)
		}
	}
	// A deed that is added later must be refused here as well.
	kind := reflect.TypeFor[*admin.Process]()
	for i := range kind.NumMethod() {
		m := kind.Method(i)
		for in := range m.Type.NumIn() {
			if m.Type.In(in) == reflect.TypeFor[countersign.Caller]() && deeds[m.Name] == nil && m.Name != "Setup" {
				t.Errorf("%s is not among the deeds", m.Name)
			}
		}
	}
}

func TestTheGravestChangesNeedAFreshProof(t *testing.T) {
	h := newHouse(t)
	root, ada := h.person("root@example.com", admin.Role), h.person("ada@example.com")
	h.sheet(ada)
	id, off, roles := ada.Identity.ID, countersign.Disabled, []string{"editor"}
	grave := map[string]func(by countersign.Caller) error{
		"a password": func(by countersign.Caller) error {
			return h.SetSecret(h.Context(), by, id, pw("gravel under the old pier"))
		},
		"a role": func(by countersign.Caller) error {
			_, err := h.Patch(h.Context(), by, id, admin.Patch{Roles: &roles})
			return err
		},
		"disabling": func(by countersign.Caller) error {
			_, err := h.Patch(h.Context(), by, id, admin.Patch{State: &off})
			return err
		},
		"resetting factors": func(by countersign.Caller) error {
			return h.ResetFactors(h.Context(), by, id, "came to the desk")
		},
		"deleting": func(by countersign.Caller) error { return h.Delete(h.Context(), by, id) },
		"an identity with a role": func(by countersign.Caller) error {
			_, err := h.Add(h.Context(), by, admin.New{Username: "other", Roles: roles})
			return err
		},
	}
	h.at = h.at.Add(10 * time.Minute)
	for what, do := range grave {
		h.refused(what+" by one who proved ten minutes ago", countersign.ErrStepUp, func() error { return do(root) })
	}
	flags := []string{"beta"}
	if _, err := h.Patch(h.Context(), root, id, admin.Patch{Flags: &flags}); err != nil {
		t.Errorf("a flag needs no fresh proof: %v", err)
	}
	h.at = h.at.Add(-time.Second)
	for _, what := range []string{"a role", "a password", "an identity with a role", "disabling", "resetting factors", "deleting"} {
		if err := grave[what](root); err != nil {
			t.Errorf("%s by one who proved a second less ago: %v", what, err)
		}
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	h := newHouse(t)
	root := h.person("root@example.com", admin.Role)
	h.person("ada@example.com")
	id, none, off := root.Identity.ID, []string{}, countersign.Disabled
	ends := map[string]func(countersign.IdentityID) error{
		"deleted": func(id countersign.IdentityID) error { return h.Delete(h.Context(), root, id) },
		"disabled": func(id countersign.IdentityID) error {
			_, err := h.Patch(h.Context(), root, id, admin.Patch{State: &off})
			return err
		},
		"demoted": func(id countersign.IdentityID) error {
			_, err := h.Patch(h.Context(), root, id, admin.Patch{Roles: &none})
			return err
		},
	}
	for what, do := range ends {
		h.refused("the last one, "+what, countersign.ErrConflict, func() error { return do(id) })
	}
	n := 0
	for what, do := range ends {
		n++
		other := h.person(fmt.Sprintf("other%d@example.com", n), admin.Role)
		if err := do(other.Identity.ID); err != nil {
			t.Errorf("one of two, %s: %v", what, err)
		}
		h.refused("the last one again, after another was "+what, countersign.ErrConflict, func() error { return do(id) })
	}
}

// Each of the two sees the other one still there, so looking first is not enough.
func TestTwoAdministratorsCannotRemoveEachOther(t *testing.T) {
	h := newHouse(t)
	none := []string{}
	a, b := h.person("a@example.com", admin.Role), h.person("b@example.com", admin.Role)
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { _, errs[0] = h.Patch(t.Context(), a, b.Identity.ID, admin.Patch{Roles: &none}) })
	both.Go(func() { errs[1] = h.Delete(t.Context(), b, a.Identity.ID) })
	both.Wait()
	left, _, err := h.List(t.Context(), cli, countersign.IdentityFilter{Role: admin.Role}, "", 10)
	if err != nil || len(left) != 1 || (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%d administrators are left: %v, %v, %v", len(left), errs[0], errs[1], err)
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, countersign.ErrConflict) {
			t.Errorf("who was too late is told %v", err)
		}
	}
}

func TestADisabledOrDeletedPersonIsSignedOut(t *testing.T) {
	h := newHouse(t)
	off := countersign.Disabled
	for what, end := range map[string]func(countersign.IdentityID) error{
		"disabled": func(id countersign.IdentityID) error {
			_, err := h.Patch(h.Context(), cli, id, admin.Patch{State: &off})
			return err
		},
		"deleted": func(id countersign.IdentityID) error { return h.Delete(h.Context(), cli, id) },
		"given a password": func(id countersign.IdentityID) error {
			return h.SetSecret(h.Context(), cli, id, pw("gravel under the old pier"))
		},
		"signed out of all": func(id countersign.IdentityID) error { return h.EndSessions(h.Context(), cli, id, "") },
	} {
		name := strings.ReplaceAll(what, " ", "")
		ada, eve := h.person(name+"@ada.example"), h.person(name+"@eve.example")
		if err := end(ada.Identity.ID); err != nil {
			t.Fatal(err)
		}
		if h.lives(ada) || !h.lives(eve) {
			t.Errorf("%s: her session lives: %t, another's: %t", what, h.lives(ada), h.lives(eve))
		}
		if len(h.events(countersign.EventFilter{Subject: ada.Identity.ID})) < 2 {
			t.Errorf("%s: the record is gone", what)
		}
	}
}

func TestOneSessionIsEndedWithinItsIdentityOnly(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	second, _ := h.carrying(ada.Identity)
	if err := h.EndSessions(h.Context(), cli, eve.Identity.ID, ada.Session.ID); err != nil {
		t.Fatal(err)
	}
	if !h.lives(ada) || !h.lives(eve) {
		t.Error("a session of Ada's ended in Eve's name, or Eve's did")
	}
	if err := h.EndSessions(h.Context(), cli, ada.Identity.ID, ada.Session.ID); err != nil {
		t.Fatal(err)
	}
	if h.lives(ada) || !h.lives(second) {
		t.Errorf("the one lives: %t, the other: %t", h.lives(ada), h.lives(second))
	}
}

func TestANewPasswordTakesThePlaceOfTheOld(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	_, before, err := h.db.SubjectOf(h.Context(), ada.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string]string{
		"weak": `{"method":"password","password":"password1"}`, "of no method": `{"password":"` + good + `"}`, "of an unknown method": `{"method":"magic"}`,
		"no object": `[]`, "empty": ``, "with more in it": `{"method":"password","password":"gravel under the old pier","identity":"idn_eve"}`,
	} {
		h.refused("a password that is "+what, countersign.ErrMalformed, func() error {
			return h.SetSecret(h.Context(), cli, ada.Identity.ID, json.RawMessage(bad))
		})
	}
	if err := h.SetSecret(h.Context(), cli, ada.Identity.ID, pw("gravel under the old pier")); err != nil {
		t.Fatal(err)
	}
	_, after, err := h.db.SubjectOf(h.Context(), ada.Identity.ID)
	if err != nil || len(after) != 1 || after[0].ID == before[0].ID || string(after[0].Data) == string(before[0].Data) {
		t.Errorf("%d credentials, %v", len(after), err)
	}
}

func TestWhatCannotBeIsNotMade(t *testing.T) {
	h := newHouse(t)
	var many []string
	for n := range 101 {
		many = append(many, fmt.Sprintf("role%d", n))
	}
	h.person("ada@example.com")
	for what, in := range map[string]admin.New{
		"nobody": {}, "a guest": {Kind: countersign.Guest, Username: "guest"}, "an unknown kind": {Kind: "robot", Username: "robot"},
		"two addresses in one": {Email: "a@b@example.com"}, "an address with a line break": {Email: "a\r\n@example.com"},
		"a username like an address": {Username: "a@example.com"}, "a name with a line break": {Username: "abc", Name: "a\r\nBcc: eve"},
		"an endless name": {Username: "abc", Name: strings.Repeat("a", 201)}, "a name that is not text": {Username: "abc", Name: "\xff"},
		"a flag in capitals": {Username: "abc", Flags: []string{"Beta"}}, "an empty flag": {Username: "abc", Flags: []string{""}},
		"an endless flag":               {Username: "abc", Flags: []string{strings.Repeat("a", 65)}},
		"one more than a hundred roles": {Username: "abc", Roles: many}, "a role with a space": {Username: "abc", Roles: []string{"admin "}}, "a weak password": {Username: "abc", Secret: pw("password1")},
	} {
		h.refused(what, countersign.ErrMalformed, func() error { _, err := h.Add(h.Context(), cli, in); return err })
	}
	h.refused("a taken address", countersign.ErrConflict, func() error {
		_, err := h.Add(h.Context(), cli, admin.New{Email: "ADA@example.com"})
		return err
	})
	id := h.person("eve@example.com").Identity.ID
	state := countersign.State("away")
	for what, in := range map[string]admin.Patch{
		"an unknown state": {State: &state}, "metadata that is a list": {Metadata: raw(`[]`)}, "metadata that is null": {Metadata: raw(`null`)},
		"metadata without end": {Metadata: raw(`{"a":"` + strings.Repeat("a", 64<<10) + `"}`)},
	} {
		h.refused(what, countersign.ErrMalformed, func() error { _, err := h.Patch(h.Context(), cli, id, in); return err })
	}
	for _, bad := range []countersign.IdentityID{"", "idn_", "idn_00000000000000000000000000000000", "'; DROP TABLE identities", "ses_00000000000000000000000000000000"} {
		h.refused("identity "+string(bad), countersign.ErrNotFound, func() error { _, err := h.Show(h.Context(), cli, bad); return err })
	}
}

func raw(s string) *json.RawMessage { m := json.RawMessage(s); return &m }

func TestAnAddressThatNobodyVouchesForGivesNothing(t *testing.T) {
	h := newHouse(t)
	i, err := h.Add(h.Context(), cli, admin.New{Email: "Ada@Example.com", Unverified: true, Flags: []string{"b", "a", "b"}})
	if err != nil || i.Emails[0].Verified || i.Emails[0].Primary || i.Emails[0].Address != "ada@example.com" {
		t.Fatalf("%+v, %v", i.Emails, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, i.Flags); diff != "" {
		t.Error(diff)
	}
	if _, _, err := h.db.FindSubject(h.Context(), "email", "ada@example.com"); !errors.Is(err, countersign.ErrNotFound) {
		t.Errorf("it is found by an address that is not verified: %v", err)
	}
}

func TestEveryChangeNamesWhoMadeIt(t *testing.T) {
	h := newHouse(t)
	root, ada := h.person("root@example.com", admin.Role), h.person("ada@example.com")
	flags := []string{"beta"}
	if _, err := h.Patch(h.Context(), root, ada.Identity.ID, admin.Patch{Flags: &flags}); err != nil {
		t.Fatal(err)
	}
	e := h.events(countersign.EventFilter{Action: "identity.updated"})[0]
	if e.Actor != string(root.Identity.ID) || e.Subject != ada.Identity.ID || e.Session != root.Session.ID || e.Network != "192.0.2.1" || e.Detail["flags"] != "[beta]" {
		t.Errorf("%+v", e)
	}
	if e := h.events(countersign.EventFilter{Subject: ada.Identity.ID, Action: "identity.created"})[0]; e.Actor != "cli" {
		t.Errorf("%+v", e)
	}
	if list := h.events(countersign.EventFilter{Action: "admin.granted"}); len(list) != 1 || list[0].Subject != root.Identity.ID {
		t.Errorf("%+v", list)
	}
	for _, e := range h.events(countersign.EventFilter{}) {
		if strings.Contains(fmt.Sprint(e), good) {
			t.Errorf("%s holds the password", e.Action)
		}
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		h.person(fmt.Sprintf("p%d@example.com", i))
	}
	var seen []countersign.IdentityID
	after := ""
	for {
		list, next, err := h.List(h.Context(), cli, countersign.IdentityFilter{}, countersign.IdentityID(after), 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			seen = append(seen, i.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	unique := map[countersign.IdentityID]bool{}
	for _, id := range seen {
		unique[id] = true
	}
	if len(seen) != 5 || len(unique) != 5 {
		t.Errorf("%d identities, %d of them different", len(seen), len(unique))
	}
}
