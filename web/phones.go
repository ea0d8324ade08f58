package web

import (
	"errors"
	"strings"

	"github.com/countersign-id/countersign"
)

// changePhones adds, proves and removes numbers. "send" sends a new code to one
// that is there and unproved.
func changePhones(v *visit) (string, error) {
	ctx, phones, number := v.r.Context(), v.site.Phones, strings.TrimSpace(v.form.Get("number"))
	var err error
	done := "phone_added"
	switch v.form.Get("do") {
	case "verify":
		done = "phone_verified"
		code := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(v.form.Get("code"))
		if _, err = phones.VerifyPhone(ctx, v.by, number, code); errors.Is(err, countersign.ErrNoMatch) {
			err = countersign.Invalid("code", "no_match", v.T("emails.no_match"))
		}
	case "send":
		done = "sent"
		_, err = phones.AddPhone(ctx, v.by, number)
	case "remove":
		done = "phone_removed"
		if err = phones.RemovePhone(ctx, v.by, number); errors.Is(err, countersign.ErrNotFound) {
			err = nil // it is gone already
		}
	default:
		_, err = phones.AddPhone(ctx, v.by, number)
	}
	if errors.Is(err, countersign.ErrConflict) {
		field, said := "", "security.only_way"
		if done == "phone_added" {
			field, said = "number", "phones.have"
		}
		err = countersign.Invalid(field, "conflict", v.T(said))
	}
	return "/account/phones?done=" + done, err
}

// Number begins the form of one row of the numbers.
func (p *accountPage) Number(id string, n countersign.Phone) *form {
	f := p.SubForm(id, rowOf(n.Number))
	f.values = map[string]string{"number": n.Number}
	f.Offer = offer{To: n.Number}
	return f
}

// Numbers reports whether numbers can be kept here.
func (p *accountPage) Numbers() bool { return p.site.Phones != nil }

// Waiting reports whether lost factors are reset here after a wait.
func (p *accountPage) Waiting() bool { return p.site.Resets != nil && p.site.Reset != "" }
