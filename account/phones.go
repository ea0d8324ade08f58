package account

import (
	"context"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
)

// mostPhones bounds the numbers of one identity.
const mostPhones = 5

// AddPhone adds a number and sends a code there; asked again for one that is not
// verified yet, it sends a new code. It does not tell whether somebody else has the number.
func (p *Process) AddPhone(ctx context.Context, by countersign.Caller, given string) (countersign.Phone, error) {
	i, _, err := p.fresh(ctx, by)
	if err != nil {
		return countersign.Phone{}, err
	}
	key, ok := number(given)
	if !ok {
		return countersign.Phone{}, countersign.Invalid("number", "invalid", "Give a phone number with its country, such as +44 20 7946 0958.")
	}
	if !p.Limits.SMSAllowed(key) {
		return countersign.Phone{}, countersign.Invalid("number", "country_not_served", "No messages are sent to numbers of this country.")
	}
	added := countersign.Phone{Number: key}
	at := phoneAt(i, key)
	switch {
	case at >= 0 && i.Phones[at].Verified:
		return i.Phones[at], &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "You have this number already."}
	case at < 0 && len(i.Phones) >= mostPhones:
		return added, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "An account has at most 5 numbers. Remove one first."}
	case at < 0:
		i.Phones = append(slices.Clone(i.Phones), added)
		if err := p.change(ctx, by, i.ID, "phone.added", &countersign.Change{Identity: &i}); err != nil {
			return added, err
		}
	}
	// The prover looks among the caller's numbers, where the new one must be.
	by.Identity = i
	return added, p.Prover.SendCode(ctx, by, key)
}

// VerifyPhone proves a number by the code that was sent there.
func (p *Process) VerifyPhone(ctx context.Context, by countersign.Caller, given, code string) (countersign.Identity, error) {
	i, _, err := p.own(ctx, by)
	if err != nil {
		return i, err
	}
	key, ok := number(given)
	if !ok || phoneAt(i, key) < 0 {
		return i, countersign.ErrNotFound
	}
	if err := p.Prover.VerifyCode(ctx, by, key, code); err != nil {
		return i, err
	}
	return p.Show(ctx, by)
}

// RemovePhone removes a number and tells every address. The other sessions end
// when it could prove: it was a factor.
func (p *Process) RemovePhone(ctx context.Context, by countersign.Caller, given string) error {
	i, have, err := p.fresh(ctx, by)
	if err != nil {
		return err
	}
	key, ok := number(given)
	at := phoneAt(i, key)
	if !ok || at < 0 {
		return countersign.ErrNotFound
	}
	gone := i.Phones[at]
	i.Phones = slices.Delete(slices.Clone(i.Phones), at, at+1)
	if gone.Primary {
		for n := range i.Phones {
			if i.Phones[n].Verified {
				i.Phones[n].Primary = true
				break
			}
		}
	}
	if len(countersign.Usable(p.Methods, p.Policy.Offer, i, have)) == 0 {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This is your only way in. Set up another one first."}
	}
	c := &countersign.Change{Identity: &i}
	if gone.Verified {
		c.End = []countersign.End{{Identity: i.ID, Except: by.Session.ID}}
		p.tell(c, by, i, "phone_removed", map[string]string{"address": gone.Number}, told(i)...)
	}
	return p.change(ctx, by, i.ID, "phone.removed", c)
}

func number(given string) (string, bool) {
	kind, key, ok := address.Parse(given)
	return key, ok && kind == address.PhoneKind
}

func phoneAt(i countersign.Identity, key string) int {
	return slices.IndexFunc(i.Phones, func(n countersign.Phone) bool { return n.Number == key })
}
