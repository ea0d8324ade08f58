package web_test

import (
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/internal/testbrowser"
	"github.com/countersign-id/countersign/login"
)

// second is what a sign-in may ask for after the password.
var second = []login.Offer{{Method: "totp"}, {Method: "passkey"}, {Method: "email_code", To: "a•••@example.com"}, {Method: "recovery_code"}}

// furtherStates are those of the second step, and of what can be set up.
var furtherStates = []state{
	{"sign-in-used", 200, func(p *testbrowser.Page, base string, w *world) int {
		w.session.Methods = []string{"passkey"}
		signedIn(opening("/sign-out"))(p, base, w)
		p.Load(func() { p.Click("[data-testid=sign-out-submit]") })
		return p.Open(base + "/sign-in")
	}},
	{"sign-in-email-code", 200, after("/sign-in?method=email_code")},
	{"sign-in-email-code-sent", 200, pressing("sign-in-email_code")},
	{"sign-in-magic-link", 200, pressing("sign-in-magic_link")},
	{"sign-in-passkey", 200, after("/sign-in?method=passkey")},
	{"sign-in-second", 200, secondStep("totp", second...)},
	{"sign-in-second-wrong", 422, func(p *testbrowser.Page, base string, w *world) int {
		secondStep("totp", second...)(p, base, w)
		p.Fill("#sign-in-code", "000000")
		return p.Load(func() { p.Click("[data-testid=sign-in-submit]") })
	}},
	{"sign-in-recovery-code", 200, secondStep("recovery_code", second...)},
	{"sign-in-lost", 200, lostStep(opening("/sign-in?lost=1"))},
	{"sign-in-lost-begun", 200, lostStep(sending("/sign-in?lost=1", "sign-in-lost-submit"))},
	{"sign-in-reset-ready", 200, secondStep("factor_reset", login.Offer{Method: "totp"}, login.Offer{Method: "factor_reset"})},
	{"sign-in-enroll-app", 200, secondStep("totp", login.Offer{Method: "totp", Enroll: true}, login.Offer{Method: "passkey", Enroll: true})},
	{"sign-in-enroll-passkey", 200, secondStep("passkey", login.Offer{Method: "totp", Enroll: true}, login.Offer{Method: "passkey", Enroll: true})},
	{"sign-up-passkey", 200, sending("/sign-up", "sign-up-passkey", "#sign-up-identifier", ada)},
	{"magic-link", 200, func(p *testbrowser.Page, base string, w *world) int {
		w.link.Purpose = countersign.SignIn
		pressing("sign-in-magic_link")(p, base, w)
		return p.Open(base + "/magic-link?token=" + goodLink)
	}},
	{"magic-link-elsewhere", 200, func(p *testbrowser.Page, base string, w *world) int {
		w.link.Purpose = countersign.SignIn
		return p.Open(base + "/magic-link?token=" + goodLink)
	}},
	{"magic-link-expired", 410, opening("/magic-link?token=cs_lnk_old")},
	{"magic-link-expired-here", 410, func(p *testbrowser.Page, base string, w *world) int {
		pressing("sign-in-magic_link")(p, base, w)
		return p.Open(base + "/magic-link?token=cs_lnk_old")
	}},
	{"factor-reset", 200, opening("/factor-reset?token=" + goodLink)},
	{"factor-reset-stopped", 200, sending("/factor-reset?token="+goodLink, "factor-reset-submit")},
	{"factor-reset-over", 410, opening("/factor-reset")},
	{"account-offer", 200, signedIn(func(p *testbrowser.Page, base string, w *world) int {
		w.set("passkeys")
		w.set("recovery-codes")
		return p.Open(base + "/account")
	})},
	{"account-security", 200, signedIn(opening("/account/security"))},
	{"account-security-bare", 200, signedIn(func(p *testbrowser.Page, base string, w *world) int {
		w.kept()
		w.security.First, w.security.Second, w.security.Spare, w.identity.Phones = []string{"passkey"}, nil, nil, nil
		for _, path := range []string{"devices", "recovery-codes", "totp"} {
			w.set(path)
		}
		w.set("passkeys", w.security.Kept[2].Items[0])
		return p.Open(base + "/account/security")
	})},
	{"account-security-reset", 200, signedIn(func(p *testbrowser.Page, base string, w *world) int {
		w.set("factor-reset", account.Factor{ID: phoneID, Method: "factor_reset", CreatedAt: noon.Add(-time.Hour),
			Detail: map[string]any{"ready_at": "2026-11-25T12:00:00Z", "until": "2026-12-02T12:00:00Z"}})
		return p.Open(base + "/account/security?added=passkeys")
	})},
	{"account-totp-add", 200, signedIn(opening("/account/totp/add"))},
	{"account-totp-add-wrong", 422, signedIn(sending("/account/totp/add", "account-totp-add-submit", "#account-totp-add-code", "000000"))},
	{"account-passkeys-add", 200, signedIn(opening("/account/passkeys/add"))},
	{"account-recovery-codes-add", 200, signedIn(opening("/account/recovery-codes/add"))},
	{"account-recovery-codes-made", 200, signedIn(sending("/account/recovery-codes/add", "account-recovery-codes-add-submit"))},
	{"account-passkeys-one", 200, signedIn(opening("/account/passkeys/" + string(phoneID)))},
	{"account-passkeys-unsure", 422, signedIn(sending("/account/passkeys/"+string(phoneID), "account-passkeys-remove-submit"))},
	{"account-phones", 200, signedIn(opening("/account/phones?done=phone_added"))},
	{"account-phones-wrong", 422, signedIn(sending("/account/phones", "account-phones-submit", "#account-phones-number", "12"))},
}

// after has typed a name at the sign-in, and looks at another way.
func after(path string) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		return p.Open(base + path)
	}
}

// pressing has typed a name, and has a code or a link sent.
func pressing(form string) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		return p.Load(func() { p.Click("[data-testid=" + form + "] button") })
	}
}

// secondStep has given the password.
func secondStep(method string, offers ...login.Offer) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, w *world) int {
		w.second = offers
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		p.Fill("#sign-in-password", right)
		p.Load(func() { p.Click("[data-testid=sign-in-submit]") })
		return p.Open(base + "/sign-in?method=" + method)
	}
}

func lostStep(next func(*testbrowser.Page, string, *world) int) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, w *world) int {
		w.lost = true
		secondStep("totp", login.Offer{Method: "totp"})(p, base, w)
		return next(p, base, w)
	}
}
