package login_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/proof/device"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/proof/reset"
	"github.com/countersign-id/countersign/proof/totp"
	"github.com/countersign-id/countersign/risk"
)

// newGuarded is a house with second steps.
func newGuarded(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	now := h.clock.now
	o := code.Options{Key: []byte("key of the test"), Life: 10 * time.Minute, Tries: 5, Now: now}
	remember, lost := device.New(device.Options{Life: 30 * 24 * time.Hour, Now: now}), reset.New(reset.Options{Lost: []string{"totp", "recovery_code", "device"}, Now: now})
	for _, m := range []countersign.Method{code.NewSMS(o), code.NewLink(o), totp.New(totp.Options{Issuer: "Test", Now: now}), recovery.New(recovery.Options{Now: now}), remember, lost} {
		h.Methods[m.Name()] = m
	}
	shows := map[string]countersign.Factor{}
	for name, m := range h.Methods {
		shows[name] = countersign.FactorOf(m)
	}
	channels := map[string]string{"email_code": "email", "magic_link": "email", "sms_code": "sms"}
	first, second := []string{"password", "email_code", "magic_link", "sms_code"}, []string{"totp"}
	codes := []string{"email_code", "sms_code"}
	h.Policies = map[countersign.Purpose]countersign.Policy{
		countersign.SignIn: {Offer: first, Second: second, Spare: []string{"recovery_code", "device", "factor_reset"}, Shows: shows, Channel: channels, SetUp: []string{"password"},
			Rules: []countersign.Rule{{Role: "admin", Factors: 2}}},
		countersign.SignUp:    {Offer: codes, Enroll: []string{"password"}},
		countersign.VerifyOwn: {Offer: codes},
		countersign.Recover:   {Offer: codes, Second: second, Spare: []string{"recovery_code", "factor_reset"}, Enroll: []string{"password"}, Shows: shows, Channel: channels, Lost: true},
		countersign.StepUp:    {Offer: first, Second: second, Spare: []string{"recovery_code"}, Shows: shows, Channel: channels},
	}
	h.Remember, h.Reset, h.Holders = remember, lost, h.db
	h.Limits = risk.Limits{Guesses: 5, Pause: 15 * time.Minute}
	return h
}

// signed is somebody who has just signed in.
func (h *house) signed(r login.Result) countersign.Caller {
	h.Helper()
	k, err := h.sessions.Check(h.Context(), r.Secret)
	if err != nil {
		h.Fatal(err)
	}
	by := h.me
	by.Identity, by.Session = k.Identity, k.Session
	return by
}

func (h *house) owner() *account.Process {
	return &account.Process{Methods: h.Methods, Policy: h.Policies[countersign.SignIn], Store: h.db, Counter: h.db, Challenges: h.db, Limits: h.Limits,
		Prover: h.Process, Sudo: 10 * time.Minute, Now: h.clock.now}
}

// app sets up an authenticator app and returns what shows its code of now.
func (h *house) app(by countersign.Caller) (now func() json.RawMessage) {
	h.Helper()
	shown, err := h.owner().Add(h.Context(), by, "totp", nil)
	if err != nil {
		h.Fatal(err)
	}
	var made struct{ ID, Secret string }
	if err := json.Unmarshal(shown, &made); err != nil {
		h.Fatal(err)
	}
	text := func() string { return h.shows(made.Secret) }
	if _, err := h.owner().Confirm(h.Context(), by, "totp", countersign.CredentialID(made.ID), json.RawMessage(`{"code":"`+text()+`"}`)); err != nil {
		h.Fatal(err)
	}
	h.clock.pass(time.Minute) // the code that set it up is used
	return func() json.RawMessage { return json.RawMessage(`{"method":"totp","code":"` + text() + `"}`) }
}

// shows is what an app with that secret shows now.
func (h *house) shows(secret string) string {
	h.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		h.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(h.clock.now().Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1e6)
}

func names(r login.Result) string {
	var out []string
	for _, o := range r.Methods {
		name := o.Method
		if o.Enroll {
			name += " to set up"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func (h *house) is(what string, r login.Result, state countersign.AttemptState, methods string) {
	h.Helper()
	if r.State != state || names(r) != methods || (r.Secret != "") != (state == countersign.Complete) {
		h.Errorf("%s: %s, asks for %q, a session: %t; want %s and %q", what, r.State, names(r), r.Secret != "", state, methods)
	}
}
