package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

const second = "ada@second.example"

// add adds an address and returns the code that was mailed there.
func (h *house) add(by countersign.Caller, address string) string {
	h.Helper()
	if _, err := h.AddEmail(h.Context(), by, address); err != nil {
		h.Fatal(err)
	}
	for _, m := range h.letters() {
		if m.To == address {
			return m.Data["code"]
		}
	}
	h.Fatalf("nothing was mailed to %s", address)
	return ""
}

func (h *house) verify(by countersign.Caller, address, code string) func() error {
	return func() error { _, err := h.VerifyEmail(h.Context(), by, address, code); return err }
}

func TestAnAddressIsProvedBeforeItIsWorthAnything(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	code := h.add(ada, second)
	found := func() error { _, _, err := h.db.FindSubject(h.Context(), "email", second); return err }
	if err := found(); !errors.Is(err, countersign.ErrNotFound) {
		t.Errorf("an address that is not proved names its owner: %v", err)
	}
	h.refused("it cannot be the primary one", countersign.ErrConflict, func() error { _, err := h.MakePrimary(h.Context(), ada, second); return err })
	h.refused("a wrong code", countersign.ErrNoMatch, h.verify(ada, second, "00000000"))
	h.refused("no code", countersign.ErrNoMatch, h.verify(ada, second, ""))
	h.refused("the code for another address of hers", countersign.ErrNoMatch, h.verify(ada, "ada@example.com", code))
	h.refused("the code by somebody who has not that address", countersign.ErrNotFound, h.verify(eve, second, code))
	hers := h.add(eve, second)
	h.refused("Ada's code by Eve, who added it too", countersign.ErrNoMatch, h.verify(eve, second, code))
	h.refused("Eve's code by Ada", countersign.ErrNoMatch, h.verify(ada, second, hers))
	if err := h.verify(ada, second, code)(); err != nil {
		t.Fatalf("the code: %v", err)
	}
	if err := found(); err != nil {
		t.Errorf("a proved address names nobody: %v", err)
	}
	h.refused("the code again", countersign.ErrNoMatch, h.verify(ada, second, code))
	// Whoever reads the mail of an address that somebody has proved still cannot take it away.
	h.refused("a right code for what is taken meanwhile", countersign.ErrNoMatch, h.verify(eve, second, hers))
}

func TestACodeForAnAddressDies(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	old := h.add(ada, second)
	code := h.add(ada, second)
	if old != code {
		h.refused("the code before the newest", countersign.ErrNoMatch, h.verify(ada, second, old))
	}
	for range 4 {
		h.refused("a wrong code", countersign.ErrNoMatch, h.verify(ada, second, "00000000"))
	}
	h.refused("the right one after five tries", countersign.ErrNoMatch, h.verify(ada, second, code))
	late := h.person("late@example.com")
	code = h.add(late, "late@second.example")
	h.at = h.at.Add(10 * time.Minute)
	h.refused("the right one too late", countersign.ErrNoMatch, h.verify(late, "late@second.example", code))
}

func TestAnAddressIsAddedWithinItsRules(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	add := func(address string) func() error {
		return func() error { _, err := h.AddEmail(h.Context(), ada, address); return err }
	}
	for _, bad := range []string{"", "ada", "a@b@example.com", "a\r\nBcc: eve@example.com", "ada@example.com\x00", strings.Repeat("a", 400) + "@example.com"} {
		h.refused(fmt.Sprintf("%.20q", bad), countersign.ErrMalformed, add(bad))
	}
	h.refused("her own", countersign.ErrConflict, add("ADA@example.com"))
	// What others have is no business of hers: it looks the same and proves nothing.
	if err := add("eve@example.com")(); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	if i, _, err := h.db.FindSubject(h.Context(), "email", "eve@example.com"); err != nil || i.ID != eve.Identity.ID {
		t.Errorf("Eve's address names %s, %v", i.ID, err)
	}
	for n := range 8 {
		if err := add(fmt.Sprintf("ada%d@example.com", n))(); err != nil {
			t.Fatal(err)
		}
	}
	h.refused("the eleventh", countersign.ErrConflict, add("ada9@example.com"))
}

func TestMailGoesToTheNewAddressAndTheOldOneIsTold(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	if err := h.verify(ada, second, h.add(ada, second))(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"email_added to ada@example.com"}, h.told()); diff != "" {
		t.Errorf("after proving it\n%s", diff)
	}
	h.refused("the primary one is not removed", countersign.ErrConflict, func() error { return h.RemoveEmail(h.Context(), ada, "ada@example.com") })
	h.refused("nor one that is not hers", countersign.ErrNotFound, func() error { return h.RemoveEmail(h.Context(), ada, "eve@example.com") })
	i, err := h.MakePrimary(h.Context(), ada, second)
	if err != nil || i.Primary() != second {
		t.Fatalf("%s, %v", i.Primary(), err)
	}
	if diff := cmp.Diff([]string{"email_changed_old to ada@example.com"}, h.told()); diff != "" {
		t.Errorf("after the change\n%s", diff)
	}
	if err := h.RemoveEmail(h.Context(), ada, "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"email_removed to ada@example.com", "email_removed to " + second}, h.told()); diff != "" {
		t.Errorf("after the removal\n%s", diff)
	}
	if _, _, err := h.db.FindSubject(h.Context(), "email", "ada@example.com"); !errors.Is(err, countersign.ErrNotFound) {
		t.Errorf("a removed address names somebody: %v", err)
	}
}

func TestAProfileStaysWithinItsRules(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	update := func(by countersign.Caller, p account.Patch) func() error {
		return func() error { _, err := h.Update(h.Context(), by, p); return err }
	}
	text := func(s string) *string { return &s }
	for what, p := range map[string]account.Patch{
		"a name with a line break": {Name: text("a\r\nBcc: eve@example.com")}, "a name with a line separator": {Name: text("a\u2028b")},
		"a name with a zero byte": {Name: text("a\x00b")}, "a name that is not text": {Name: text("\xff")}, "a name without end": {Name: text(strings.Repeat("a", 201))},
		"a language that is none": {Locale: text("not a language")}, "a language without end": {Locale: text("en-x-" + strings.Repeat("abcdefgh-", 5) + "a")},
		"a username like an address": {Username: text("a@example.com")}, "a username of one letter": {Username: text("a")}, "a username in Cyrillic": {Username: text("\u0430\u0434\u0430")},
		"a picture that is a script": {Picture: text("javascript:alert(1)")}, "a picture in the clear": {Picture: text("http://example.com/a.png")},
		"a picture with a password": {Picture: text("https://a:b@example.com/a.png")}, "a picture of nowhere": {Picture: text("https:///a.png")},
	} {
		h.refused(what, countersign.ErrMalformed, update(ada, p))
	}
	if err := update(ada, account.Patch{Username: text("Ada.L"), Name: text("  Ada  "), Locale: text("de-ch")})(); err != nil {
		t.Fatal(err)
	}
	if i, err := h.Show(h.Context(), ada); err != nil || *i.Username != "ada.l" || i.Name != "Ada" || i.Locale != "de-CH" {
		t.Errorf("%+v, %v", i, err)
	}
	h.refused("a username that is taken", countersign.ErrConflict, update(eve, account.Patch{Username: text("ADA.l")}))
}
