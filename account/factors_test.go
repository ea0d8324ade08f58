package account_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

// made is what adding something shows.
type made struct {
	ID     countersign.CredentialID
	Secret string
	Codes  []string
	Token  string
}

func (h *house) put(by countersign.Caller, path, body string) (m made) {
	h.Helper()
	shown, err := h.Add(h.Context(), by, path, json.RawMessage(body))
	if err != nil {
		h.Fatal(err)
	}
	if err := json.Unmarshal(shown, &m); err != nil {
		h.Fatal(err)
	}
	return m
}

// shows is the answer of an authenticator app with that secret.
func (h *house) shows(secret string) json.RawMessage {
	h.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		h.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(h.at.Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return json.RawMessage(fmt.Sprintf(`{"code":"%06d"}`, binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1e6))
}

// app sets up an authenticator app.
func (h *house) app(by countersign.Caller, name string) countersign.CredentialID {
	h.Helper()
	m := h.put(by, "totp", `{"name":"`+name+`"}`)
	if _, err := h.Confirm(h.Context(), by, "totp", m.ID, h.shows(m.Secret)); err != nil {
		h.Fatal(err)
	}
	return m.ID
}

func (h *house) kept(by countersign.Caller, path string) []account.Factor {
	h.Helper()
	list, err := h.Factors(h.Context(), by, path)
	if err != nil {
		h.Fatal(err)
	}
	return list
}

func TestAnAppIsSetUpOnlyByARightCode(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	m := h.put(ada, "totp", `{"name":"Phone"}`)
	if m.Secret == "" || m.ID == "" || len(h.kept(ada, "totp")) != 0 {
		t.Fatalf("%d are set up before a code was shown; an id: %t", len(h.kept(ada, "totp")), m.ID != "")
	}
	confirm := func(by countersign.Caller, id countersign.CredentialID, body json.RawMessage) func() error {
		return func() error { _, err := h.Confirm(h.Context(), by, "totp", id, body); return err }
	}
	h.refused("a wrong code", countersign.ErrNoMatch, confirm(ada, m.ID, json.RawMessage(`{"code":"000000"}`)))
	h.refused("somebody else's", countersign.ErrExpired, confirm(eve, m.ID, h.shows(m.Secret)))
	h.refused("another session's", countersign.ErrExpired, confirm(h.carrying(ada.Identity), m.ID, h.shows(m.Secret)))
	h.refused("another id", countersign.ErrExpired, confirm(ada, noCredential, h.shows(m.Secret)))
	h.refused("no code", countersign.ErrMalformed, confirm(ada, m.ID, nil))
	if err := confirm(ada, m.ID, h.shows(m.Secret))(); err != nil {
		t.Fatal(err)
	}
	list := h.kept(ada, "totp")
	if len(list) != 1 || list[0].ID != m.ID || list[0].Name != "Phone" || len(h.kept(eve, "totp")) != 0 {
		t.Errorf("set up: %+v", list)
	}
	if diff := cmp.Diff([]string{"factor_added to ada@example.com"}, h.told()); diff != "" {
		t.Error(diff)
	}
	h.refused("the same again", countersign.ErrExpired, confirm(ada, m.ID, h.shows(m.Secret)))
	late := h.put(ada, "totp", "")
	h.at = h.at.Add(16 * time.Minute)
	ada.Session.LastProvedAt, ada.Session.Methods = h.at, []string{"password", "totp"}
	h.refused("after a quarter of an hour", countersign.ErrExpired, confirm(ada, late.ID, h.shows(late.Secret)))
}

func TestANewerSecretEndsTheOlder(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	old, newer := h.put(ada, "totp", ""), h.put(ada, "totp", "")
	h.refused("the older", countersign.ErrExpired, func() error {
		_, err := h.Confirm(h.Context(), ada, "totp", old.ID, h.shows(old.Secret))
		return err
	})
	if _, err := h.Confirm(h.Context(), ada, "totp", newer.ID, h.shows(newer.Secret)); err != nil {
		t.Error(err)
	}
}

func TestRecoveryCodesAreShownOnceAndANewSetEndsTheOld(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	first := h.put(ada, "recovery-codes", "")
	second := h.put(ada, "recovery-codes", "{}")
	if len(first.Codes) != 10 || len(second.Codes) != 10 || first.Codes[0] == second.Codes[0] {
		t.Errorf("%d and %d codes", len(first.Codes), len(second.Codes))
	}
	list := h.kept(ada, "recovery-codes")
	if len(list) != 1 || list[0].ID != second.ID || fmt.Sprint(list[0].Detail["left"]) != "10" {
		t.Errorf("kept: %+v", list)
	}
	text, _ := json.Marshal(list)
	for _, code := range second.Codes {
		if slices.Contains([]string{string(text)}, code) {
			t.Error("a code is shown again")
		}
	}
	h.refused("a name", countersign.ErrMalformed, func() error {
		_, err := h.Add(h.Context(), ada, "recovery-codes", json.RawMessage(`{"name":"x"}`))
		return err
	})
	h.refused("a name later", countersign.ErrNotFound, func() error {
		_, err := h.Rename(h.Context(), ada, "recovery-codes", list[0].ID, "x")
		return err
	})
}

func TestAFactorIsNamedAndRemovedByItsOwnerAlone(t *testing.T) {
	h := newHouse(t)
	ada, eve := h.person("ada@example.com"), h.person("eve@example.com")
	id := h.app(ada, "Phone")
	other := h.carrying(ada.Identity)
	h.told()
	for _, bad := range []string{"", "two\nlines", string(make([]rune, 61))} {
		h.refused("the name "+bad, countersign.ErrMalformed, func() error { _, err := h.Rename(h.Context(), ada, "totp", id, bad); return err })
	}
	h.refused("Eve names it", countersign.ErrNotFound, func() error { _, err := h.Rename(h.Context(), eve, "totp", id, "mine"); return err })
	h.refused("under another path", countersign.ErrNotFound, func() error { _, err := h.Rename(h.Context(), ada, "devices", id, "mine"); return err })
	if f, err := h.Rename(h.Context(), ada, "totp", id, "Old phone"); err != nil || f.Name != "Old phone" || h.kept(ada, "totp")[0].Name != "Old phone" {
		t.Errorf("%+v, %v", f, err)
	}
	h.refused("Eve removes it", countersign.ErrNotFound, func() error { return h.Remove(h.Context(), eve, "totp", id) })
	h.refused("an unknown collection", countersign.ErrNotFound, func() error { return h.Remove(h.Context(), ada, "passwords", id) })
	h.put(ada, "recovery-codes", "")
	h.told()
	if err := h.Remove(h.Context(), ada, "totp", id); err != nil {
		t.Fatal(err)
	}
	if h.lives(other) || !h.lives(ada) {
		t.Error("the other sessions live, or this one ended")
	}
	if len(h.kept(ada, "totp"))+len(h.kept(ada, "recovery-codes")) != 0 {
		t.Error("what stood in for the last second step is there yet")
	}
	if diff := cmp.Diff([]string{"factor_removed to ada@example.com"}, h.told()); diff != "" {
		t.Error(diff)
	}
}

func TestASessionOfOneStepDoesNotTouchTheSecond(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	thief := h.carrying(ada.Identity)
	id := h.app(ada, "Phone")
	if h.lives(thief) || !h.lives(ada) {
		t.Error("a session that was opened with less lives on, or the one that set it up ended")
	}
	h.put(ada, "recovery-codes", "") // who has just set it up has shown it
	h.at = h.at.Add(time.Minute)
	later := h.carrying(ada.Identity)
	later.Session.Methods = []string{"password", "device"} // a remembered browser let it in
	for what, do := range map[string]func() error{
		"removes the app":        func() error { return h.Remove(h.Context(), later, "totp", id) },
		"makes recovery codes":   func() error { _, err := h.Add(h.Context(), later, "recovery-codes", nil); return err },
		"adds an address":        func() error { _, err := h.AddEmail(h.Context(), later, "eve@example.com"); return err },
		"takes everything along": func() error { _, err := h.Export(h.Context(), later); return err },
		"deletes the account":    func() error { return h.Delete(h.Context(), later) },
	} {
		h.refused("a session of one step "+what, countersign.ErrStepUp, do)
	}
	later.Session.Methods = []string{"password", "totp"}
	h.put(later, "devices", "")
	h.app(later, "Second phone")
	if len(h.kept(later, "devices")) != 0 {
		t.Error("a browser that was remembered before stands in for the new step")
	}
}

func TestABrowserIsRememberedOnlyAfterASecondStep(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.refused("before there is one", countersign.ErrForbidden, func() error { _, err := h.Add(h.Context(), ada, "devices", nil); return err })
	ada.Session.Methods = []string{"password", "totp"}
	for range 25 {
		h.at = h.at.Add(time.Second)
		h.put(ada, "devices", "")
	}
	if n := len(h.kept(ada, "devices")); n != 20 {
		t.Errorf("%d are remembered; the oldest makes room at 20", n)
	}
	if err := h.Change(t.Context(), ada, "password", raw(map[string]string{"current_password": good, "new_password": next})); err != nil {
		t.Fatal(err)
	}
	if n := len(h.kept(ada, "devices")); n != 0 {
		t.Errorf("%d are remembered after the password changed", n)
	}
}

func TestWhatOpensASignInByItselfStaysWithoutTheSecondStep(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.Policy.Offer = []string{"password", "recovery_code"} // as passkeys are: first, and spare
	id := h.app(ada, "Phone")
	h.put(ada, "recovery-codes", "")
	ada.Session.Methods = []string{"password", "totp"} // signed in anew
	h.put(ada, "devices", "")
	if err := h.Remove(t.Context(), ada, "totp", id); err != nil {
		t.Fatal(err)
	}
	if len(h.kept(ada, "recovery-codes")) != 1 || len(h.kept(ada, "devices")) != 0 {
		t.Error("a way in went with the second step, or what only stood in for it stayed")
	}
}

func TestANumberOfACountryThatIsNotServedIsNotKept(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.Limits.AllowedCountries = []string{"DE"}
	h.refused("a number of another country", countersign.ErrMalformed, func() error { _, err := h.AddPhone(h.Context(), ada, "+442079460958"); return err })
	if i, err := h.Show(t.Context(), ada); err != nil || len(i.Phones) != 0 {
		t.Errorf("kept: %v, %v", i.Phones, err)
	}
}

func TestTheOnlyWayInStays(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.Policy.Offer = []string{"totp"} // as a passkey would be where nothing else opens
	id := h.app(ada, "Key")
	h.refused("the last way in", countersign.ErrConflict, func() error { return h.Remove(h.Context(), ada, "totp", id) })
	second := h.app(ada, "Second")
	if err := h.Remove(h.Context(), ada, "totp", second); err != nil {
		t.Error(err)
	}
}

func TestThereIsAnEndToHowMany(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	for i := range 10 {
		h.app(ada, fmt.Sprint("app ", i))
	}
	h.refused("an eleventh", countersign.ErrConflict, func() error { _, err := h.Prepare(h.Context(), ada, "totp"); return err })
}

func TestSecurityTellsHowTheOwnerWouldGetBackIn(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	h.app(ada, "Phone")
	h.put(ada, "recovery-codes", "")
	got, err := h.Security(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"password"}, {"totp"}, {"recovery_code"}}, [][]string{got.First, got.Second, got.Spare}); diff != "" {
		t.Error(diff)
	}
	var paths []string
	for _, k := range got.Kept {
		paths = append(paths, fmt.Sprintf("%s %d", k.Path, len(k.Items)))
	}
	if diff := cmp.Diff([]string{"devices 0", "recovery-codes 1", "totp 1"}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestANumberIsProvedByATextMessage(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada@example.com")
	for _, bad := range []string{"", "12345", "ada@example.com", "+1", "+442079460958;ext=1"} {
		h.refused("the number "+bad, countersign.ErrMalformed, func() error { _, err := h.AddPhone(h.Context(), ada, bad); return err })
	}
	added, err := h.AddPhone(t.Context(), ada, "+44 20 7946 0958")
	if err != nil || added.Number != "+442079460958" || added.Verified {
		t.Fatalf("%+v, %v", added, err)
	}
	sent := h.letters()
	if len(sent) != 1 || sent[0].Channel != "sms" || sent[0].To != "+442079460958" {
		t.Fatalf("sent: %d", len(sent))
	}
	h.refused("a wrong code", countersign.ErrNoMatch, func() error { _, err := h.VerifyPhone(h.Context(), ada, "+442079460958", "000000"); return err })
	i, err := h.VerifyPhone(t.Context(), ada, "0044 2079460958", sent[0].Data["code"])
	if err != nil || len(i.Phones) != 1 || !i.Phones[0].Verified || !i.Phones[0].Primary {
		t.Fatalf("%+v, %v", i.Phones, err)
	}
	if diff := cmp.Diff([]string{"phone_added to ada@example.com"}, h.told()); diff != "" {
		t.Error(diff)
	}
	h.refused("the same number again", countersign.ErrConflict, func() error { _, err := h.AddPhone(h.Context(), ada, "+442079460958"); return err })
	if err := h.RemovePhone(t.Context(), ada, "+442079460958"); err != nil {
		t.Fatal(err)
	}
	if err := h.RemovePhone(t.Context(), ada, "+442079460958"); !errors.Is(err, countersign.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}
