package account_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

const noCredential = "crd_00000000000000000000000000000000"

// deeds are all that an owner can do.
func (h *house) deeds() map[string]func(by countersign.Caller) error {
	ctx, name := h.Context(), "Ada"
	change := raw(map[string]string{"current_password": good, "new_password": next})
	return map[string]func(by countersign.Caller) error{
		"Show":     func(by countersign.Caller) error { _, err := h.Show(ctx, by); return err },
		"Update":   func(by countersign.Caller) error { _, err := h.Update(ctx, by, account.Patch{Name: &name}); return err },
		"Change":   func(by countersign.Caller) error { return h.Change(ctx, by, "password", change) },
		"Sessions": func(by countersign.Caller) error { _, _, err := h.Sessions(ctx, by, "", 10); return err },
		"Activity": func(by countersign.Caller) error { _, _, err := h.Activity(ctx, by, "", 10); return err },
		"EndSession": func(by countersign.Caller) error {
			return h.EndSession(ctx, by, "ses_00000000000000000000000000000000")
		},
		"EndOthers": func(by countersign.Caller) error { return h.EndOthers(ctx, by) },
		"SignOut":   func(by countersign.Caller) error { return h.SignOut(ctx, by) },
		"AddEmail":  func(by countersign.Caller) error { _, err := h.AddEmail(ctx, by, "second@example.com"); return err },
		"VerifyEmail": func(by countersign.Caller) error {
			_, err := h.VerifyEmail(ctx, by, "second@example.com", "00000000")
			return err
		},
		"MakePrimary": func(by countersign.Caller) error { _, err := h.MakePrimary(ctx, by, "second@example.com"); return err },
		"RemoveEmail": func(by countersign.Caller) error { return h.RemoveEmail(ctx, by, "second@example.com") },
		"AddPhone":    func(by countersign.Caller) error { _, err := h.AddPhone(ctx, by, "+442079460958"); return err },
		"VerifyPhone": func(by countersign.Caller) error {
			_, err := h.VerifyPhone(ctx, by, "+442079460958", "000000")
			return err
		},
		"RemovePhone": func(by countersign.Caller) error { return h.RemovePhone(ctx, by, "+442079460958") },
		"Security":    func(by countersign.Caller) error { _, err := h.Security(ctx, by); return err },
		"Factors":     func(by countersign.Caller) error { _, err := h.Factors(ctx, by, "totp"); return err },
		"Prepare":     func(by countersign.Caller) error { _, err := h.Prepare(ctx, by, "totp"); return err },
		"Add":         func(by countersign.Caller) error { _, err := h.Add(ctx, by, "recovery-codes", nil); return err },
		"Confirm": func(by countersign.Caller) error {
			_, err := h.Confirm(ctx, by, "totp", noCredential, json.RawMessage(`{"code":"000000"}`))
			return err
		},
		"Rename": func(by countersign.Caller) error {
			_, err := h.Rename(ctx, by, "totp", noCredential, "Phone")
			return err
		},
		"Remove": func(by countersign.Caller) error { return h.Remove(ctx, by, "totp", noCredential) },
		"Export": func(by countersign.Caller) error { _, err := h.Export(ctx, by); return err },
		"Delete": func(by countersign.Caller) error { return h.Delete(ctx, by) },
	}
}

func TestOnlyWhoIsSignedInDoesAnything(t *testing.T) {
	h := newHouse(t)
	named := h.person("ada@example.com")
	named.Session = countersign.Session{} // says who it is, and shows nothing
	deeds := h.deeds()
	for name, do := range deeds {
		h.refused(name+" by a stranger", countersign.ErrUnauthenticated, func() error { return do(countersign.Caller{}) })
		h.refused(name+" by a name without session", countersign.ErrUnauthenticated, func() error { return do(named) })
	}
	kind := reflect.TypeFor[*account.Process]()
	for i := range kind.NumMethod() {
		m := kind.Method(i)
		for in := range m.Type.NumIn() {
			if m.Type.In(in) == reflect.TypeFor[countersign.Caller]() && deeds[m.Name] == nil {
				t.Errorf("%s is not among the deeds", m.Name)
			}
		}
	}
}

func TestSensitiveChangesNeedAFreshProof(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	deeds := h.deeds()
	h.at = h.at.Add(10 * time.Minute)
	for _, name := range []string{"AddEmail", "MakePrimary", "RemoveEmail", "AddPhone", "RemovePhone", "Prepare", "Add", "Confirm", "Remove", "Export", "Delete"} {
		h.refused(name+" by one who proved ten minutes ago", countersign.ErrStepUp, func() error { return deeds[name](ada) })
	}
	for _, name := range []string{"Show", "Update", "Sessions", "Activity", "Security", "Factors", "Change"} {
		if err := deeds[name](ada); err != nil {
			t.Errorf("%s needs no fresh proof: %v", name, err)
		}
	}
	h.at = h.at.Add(-time.Second)
	for _, name := range []string{"AddEmail", "Export", "Delete"} {
		if err := deeds[name](ada); err != nil {
			t.Errorf("%s by one who proved a second less ago: %v", name, err)
		}
	}
}

func TestAPasswordIsChangedByItsOwnerAlone(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	other := h.carrying(ada.Identity)
	change := func(method string, body json.RawMessage) func() error {
		return func() error { return h.Change(h.Context(), ada, method, body) }
	}
	h.refused("a wrong current one", countersign.ErrNoMatch, change("password", raw(map[string]string{"current_password": "not this one", "new_password": next})))
	for what, bad := range map[string]json.RawMessage{
		"no current one": raw(map[string]string{"new_password": next}), "a weak new one": raw(map[string]string{"current_password": good, "new_password": "password1"}),
		"something more": json.RawMessage(`{"current_password":"` + good + `","new_password":"` + next + `","identity":"idn_eve"}`),
	} {
		h.refused(what, countersign.ErrMalformed, change("password", bad))
	}
	for _, method := range []string{"", "email_code", "magic"} {
		h.refused("a method that nobody changes: "+method, countersign.ErrNotFound, change(method, raw(map[string]string{"code": "00000000"})))
	}
	if !h.proves(ada, good) || !h.lives(other) || len(h.told()) != 0 {
		t.Error("a refusal changed something, or told somebody")
	}
	if err := change("password", raw(map[string]string{"current_password": good, "new_password": next}))(); err != nil {
		t.Fatal(err)
	}
	if h.proves(ada, good) || !h.proves(ada, next) || !h.proves(eve, good) {
		t.Error("the old one proves, or the new one does not, or Eve's was changed")
	}
	if !h.lives(ada) || h.lives(other) || !h.lives(eve) {
		t.Errorf("this session lives: %t, the other: %t, Eve's: %t", h.lives(ada), h.lives(other), h.lives(eve))
	}
	if diff := cmp.Diff([]string{"password_changed to ada@example.com"}, h.told()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"password"}, h.Changeable()); diff != "" {
		t.Error(diff)
	}
}

// Who holds the session but not the password may guess as often as anyone, and each guess is recorded.
func TestGuessesOfTheCurrentPasswordAreCounted(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	wrong := func() error {
		return h.Change(h.Context(), ada, "password", raw(map[string]string{"current_password": "not this one", "new_password": next}))
	}
	for range 5 {
		h.refused("a wrong one", countersign.ErrNoMatch, wrong)
	}
	var slow *countersign.Error
	if err := h.Change(h.Context(), ada, "password", raw(map[string]string{"current_password": good, "new_password": next})); !errors.As(err, &slow) || slow.RetryAfter <= 0 || !errors.Is(err, countersign.ErrSlowDown) {
		t.Errorf("the right one after five wrong ones: %v", err)
	}
	reasons := map[string]int{}
	for _, e := range h.events(countersign.EventFilter{Subject: ada.Identity.ID, Action: "proof.refused"}) {
		reasons[e.Outcome+": "+e.Reason]++
	}
	if diff := cmp.Diff(map[string]int{"refused: wrong password": 5, "refused: budget used up": 1}, reasons); diff != "" {
		t.Error(diff)
	}
	h.at = h.at.Add(15 * time.Minute)
	if err := h.Change(h.Context(), ada, "password", raw(map[string]string{"current_password": good, "new_password": next})); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestSessionsAreTheOwnersAlone(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	second, third := h.carrying(ada.Identity), h.carrying(ada.Identity)
	for what, id := range map[string]countersign.SessionID{
		"Eve's": eve.Session.ID, "none": "", "one that never was": "ses_00000000000000000000000000000000", "no id": "ses_", "an id of another kind": countersign.SessionID(ada.Identity.ID),
	} {
		h.refused(what, countersign.ErrNotFound, func() error { return h.EndSession(h.Context(), ada, id) })
	}
	if err := h.EndSession(h.Context(), ada, second.Session.ID); err != nil || h.lives(second) || !h.lives(third) || !h.lives(ada) {
		t.Errorf("one of three: %v", err)
	}
	if err := h.EndOthers(h.Context(), ada); err != nil || h.lives(third) || !h.lives(ada) || !h.lives(eve) {
		t.Errorf("all others: %v", err)
	}
	if err := h.SignOut(h.Context(), ada); err != nil || h.lives(ada) || !h.lives(eve) {
		t.Errorf("signing out: %v", err)
	}
	if list, _, err := h.Sessions(h.Context(), eve, "", 10); err != nil || len(list) != 1 || list[0].ID != eve.Session.ID {
		t.Errorf("Eve sees %d sessions, %v", len(list), err)
	}
}

func TestActivityTellsNoReasonAndNoOneElses(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	h.refused("a wrong guess", countersign.ErrNoMatch, func() error {
		return h.Change(h.Context(), ada, "password", raw(map[string]string{"current_password": "not this one", "new_password": next}))
	})
	// Who knows the id of an attempt goes on with it, so that is not told either.
	e := countersign.Event{ID: "evt_1", At: h.at, Action: "attempt.started", Outcome: "ok", Subject: ada.Identity.ID, Attempt: "att_1", Reason: "a recovery"}
	if err := h.db.Apply(h.Context(), &countersign.Change{Events: []countersign.Event{e}}); err != nil {
		t.Fatal(err)
	}
	list, _, err := h.Activity(h.Context(), ada, "", 10)
	if err != nil || len(list) != 2 || list[0].Reason != "" || list[1].Reason != "" || list[0].Attempt != "" || list[1].Attempt != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, _, err := h.Activity(h.Context(), eve, "", 10); err != nil || len(list) != 0 {
		t.Errorf("Eve sees %+v, %v", list, err)
	}
}

func TestAnExportHoldsEverythingButWhatLetsSomeoneIn(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	h.carrying(ada.Identity)
	out, err := h.Export(h.Context(), ada)
	if err != nil || out.Identity.Primary() != "ada@example.com" || len(out.Credentials) != 1 || len(out.Sessions) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	_, have, err := h.db.SubjectOf(h.Context(), ada.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"the hash of the password": string(have[0].Data), "a hash of any kind": "argon2id", "something of Eve's": string(eve.Identity.ID)} {
		if strings.Contains(string(text), secret) {
			t.Errorf("it holds %s", what)
		}
	}
	if len(h.events(countersign.EventFilter{Subject: ada.Identity.ID, Action: "identity.exported"})) != 1 {
		t.Error("that it was taken is not recorded")
	}
}

func TestADeletedAccountIsGoneButItsRecord(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	if err := h.Delete(h.Context(), ada); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.db.SubjectOf(h.Context(), ada.Identity.ID); !errors.Is(err, countersign.ErrNotFound) || h.lives(ada) || !h.lives(eve) {
		t.Errorf("%v; her session lives: %t, Eve's: %t", err, h.lives(ada), h.lives(eve))
	}
	if diff := cmp.Diff([]string{"account_deleted to ada@example.com"}, h.told()); diff != "" {
		t.Error(diff)
	}
	if list := h.events(countersign.EventFilter{Subject: ada.Identity.ID}); len(list) != 1 || list[0].Action != "identity.deleted" || list[0].Actor != string(ada.Identity.ID) {
		t.Errorf("%+v", list)
	}
	h.refused("the session of a deleted account", countersign.ErrNotFound, func() error { _, err := h.Show(h.Context(), ada); return err })
}

// Somebody must be left who can administer, by whichever door the last one leaves.
func TestTheLastAdministratorDoesNotDeleteThemselves(t *testing.T) {
	h := newHouse(t)
	root, second := h.person("root@example.com"), h.person("second@example.com")
	for _, by := range []*countersign.Caller{&root, &second} {
		i, _, err := h.db.SubjectOf(h.Context(), by.Identity.ID)
		if err != nil {
			t.Fatal(err)
		}
		i.Roles = []string{"admin"}
		h.apply(&countersign.Change{Identity: &i})
		by.Identity = i
	}
	if err := h.Delete(h.Context(), second); err != nil {
		t.Errorf("one of two: %v", err)
	}
	h.refused("the last one", countersign.ErrConflict, func() error { return h.Delete(h.Context(), root) })
	if !h.lives(root) {
		t.Error("the last one is signed out")
	}
}
