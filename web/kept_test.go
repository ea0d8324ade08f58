package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/device"
	"github.com/countersign-id/countersign/proof/passkey"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/proof/reset"
	"github.com/countersign-id/countersign/proof/totp"
)

func clock() time.Time { return noon }

// keepers are the real methods, so that what pages show is what these prepare.
var keepers = func() map[string]countersign.Keeper {
	all := map[string]countersign.Keeper{}
	for _, k := range []countersign.Keeper{totp.New(totp.Options{Issuer: "Countersign", Now: clock}), recovery.New(recovery.Options{Now: clock}),
		must(passkey.New(passkey.Options{RPID: "localhost", RPName: "Countersign", Origins: []string{"http://localhost"}, Now: clock})),
		device.New(device.Options{Life: 30 * 24 * time.Hour, Now: clock}), reset.New(reset.Options{Now: clock})} {
		all[k.Collection().Path] = k
	}
	return all
}()

var phoneID = countersign.CredentialID(ids.New("crd", noon))

// kept fills in what the owner of the account has set up.
func (w *world) kept() {
	used := noon.Add(-3 * time.Hour)
	id := func() countersign.CredentialID { return countersign.CredentialID(ids.New("crd", noon)) }
	w.security = account.Security{First: []string{"passkey", "password", "email_code"}, Second: []string{"totp"}, Spare: []string{"passkey", "recovery_code"}, Kept: []account.Kept{
		{Method: "device", Path: "devices", Items: []account.Factor{{ID: id(), Method: "device", Name: "Chrome on a Mac", CreatedAt: noon.AddDate(0, 0, -4), Detail: map[string]any{"expires_at": "2026-12-18T12:00:00Z"}}}},
		{Method: "factor_reset", Path: "factor-reset", Items: []account.Factor{}},
		{Method: "passkey", Path: "passkeys", Items: []account.Factor{
			{ID: phoneID, Method: "passkey", Name: "Phone", CreatedAt: noon.AddDate(0, -1, 0), UsedAt: &used,
				Detail: map[string]any{"provider": "iCloud Keychain", "synced": true, "rp_id": "localhost", "credential_id": "AAEC", "user_id": "dXNlcg"}},
			{ID: id(), Method: "passkey", Name: "Blue key", CreatedAt: noon.AddDate(0, 0, -3),
				Detail: map[string]any{"provider": "", "synced": false, "rp_id": "localhost", "credential_id": "AwQF", "user_id": "dXNlcg"}}}},
		{Method: "recovery_code", Path: "recovery-codes", Items: []account.Factor{{ID: id(), Method: "recovery_code", CreatedAt: noon.AddDate(0, -1, 0), Detail: map[string]any{"left": 9, "of": 10}}}},
		{Method: "totp", Path: "totp", Items: []account.Factor{{ID: id(), Method: "totp", Name: "Old phone", CreatedAt: noon.AddDate(0, -1, 0), UsedAt: &used, Detail: map[string]any{}}}},
	}}
	w.identity.Phones = []countersign.Phone{{Number: "+442079460958", Verified: true, Primary: true}, {Number: "+4930123456"}}
}

// set replaces what one collection has.
func (w *world) set(path string, items ...account.Factor) {
	for i := range w.security.Kept {
		if w.security.Kept[i].Path == path {
			w.security.Kept[i].Items = items
		}
	}
}

// shown is what a method shows when it is asked; nil for one that shows nothing.
func (w *world) shown(method string) json.RawMessage {
	for _, o := range w.attempt.Methods {
		for _, k := range keepers {
			if k.Name() != method || o.Method != method {
				continue
			}
			subject := countersign.Subject{Identity: adaID, Address: ada, Names: []string{ada}}
			if p, ok := k.(countersign.Preparer); ok && o.Enroll {
				return must(p.Prepare(context.Background(), subject)).Show
			}
			if c, ok := k.(countersign.Challenger); ok && !o.Enroll {
				return must(c.Challenge(context.Background(), subject)).Show
			}
		}
	}
	if k := keepers["passkeys"]; method == "passkey" && w.attempt.Purpose == countersign.SignUp {
		return must(k.(countersign.Preparer).Prepare(context.Background(), countersign.Subject{Identity: adaID, Address: ada})).Show
	}
	return nil
}

func (w *world) Security(context.Context, countersign.Caller) (account.Security, error) {
	return w.security, w.fail["security"]
}
func (w *world) Collections() map[string]countersign.Keeper { return keepers }

func (w *world) Prepare(_ context.Context, _ countersign.Caller, path string) (json.RawMessage, error) {
	if err := w.note("prepare "+path, true); err != nil {
		return nil, err
	}
	made := must(keepers[path].(countersign.Preparer).Prepare(context.Background(), countersign.Subject{Identity: adaID, Address: ada, Names: []string{ada}}))
	show := map[string]any{}
	if err := json.Unmarshal(made.Show, &show); err != nil {
		return nil, err
	}
	show["id"] = phoneID
	return json.Marshal(show)
}

func (w *world) Confirm(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID, body json.RawMessage) (json.RawMessage, error) {
	if id != phoneID {
		return nil, countersign.ErrExpired
	}
	if path == "totp" && !strings.Contains(string(body), "123456") {
		return nil, countersign.NoMatch("wrong")
	}
	return json.RawMessage(`{}`), w.note("confirm "+path+" "+string(body), true)
}

func (w *world) Add(_ context.Context, by countersign.Caller, path string, _ json.RawMessage) (json.RawMessage, error) {
	if err := w.note("add "+path+" by "+string(by.Identity.ID), true); err != nil {
		return nil, err
	}
	return must(keepers[path].(countersign.Preparer).Prepare(context.Background(), countersign.Subject{Identity: adaID})).Show, nil
}

func (w *world) Rename(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID, name string) (account.Factor, error) {
	if name == "" {
		return account.Factor{}, countersign.Invalid("name", "invalid", "A name has at most 60 characters.")
	}
	return account.Factor{}, w.note("rename "+path+" "+name, false)
}

func (w *world) Remove(_ context.Context, _ countersign.Caller, path string, id countersign.CredentialID) error {
	return w.note("remove "+path+" "+string(id), true)
}

func (w *world) AddPhone(_ context.Context, _ countersign.Caller, number string) (countersign.Phone, error) {
	if !strings.HasPrefix(number, "+") {
		return countersign.Phone{}, countersign.Invalid("number", "invalid", "Give a phone number with its country, such as +44 20 7946 0958.")
	}
	return countersign.Phone{Number: number}, w.note("add "+number, true)
}

func (w *world) VerifyPhone(_ context.Context, _ countersign.Caller, number, typed string) (countersign.Identity, error) {
	if typed != "123456" {
		return w.identity, countersign.NoMatch("wrong")
	}
	return w.identity, w.note("verify "+number, false)
}

func (w *world) RemovePhone(_ context.Context, _ countersign.Caller, number string) error {
	return w.note("remove "+number, true)
}

func (w *world) BeginReset(context.Context, countersign.Caller, countersign.AttemptID) (login.Result, error) {
	if err := w.note("reset", false); err != nil {
		return login.Result{}, err
	}
	w.attempt.Lost = false
	w.attempt.Methods = append(slices.Clone(w.attempt.Methods), login.Offer{Method: "factor_reset"})
	return w.attempt, nil
}

func (w *world) CancelReset(_ context.Context, _ countersign.Caller, token string) error {
	if token != goodLink {
		return countersign.ErrExpired
	}
	return w.note("cancel", false)
}

// programs are the two calls that the script of the sign-in makes.
func (w *world) programs(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/attempts", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.Write(must(json.Marshal(map[string]any{"id": attemptID})))
	})
	mux.HandleFunc("POST /v1/attempts/{id}/challenges", func(rw http.ResponseWriter, _ *http.Request) {
		made := must(keepers["passkeys"].(countersign.Challenger).Challenge(context.Background(), countersign.Subject{}))
		rw.Header().Set("Content-Type", "application/json")
		rw.Write(must(json.Marshal(map[string]any{"challenge": made.Show})))
	})
}
