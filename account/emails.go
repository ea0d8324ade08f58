package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
)

// mostEmails bounds the addresses of one identity: each is a row, and each change
// may write to all that are verified.
const mostEmails = 10

// AddEmail adds an address and sends a code there; asked again for one that is
// not verified yet, it sends a new code. It does not tell whether somebody else
// has the address: then the code simply proves nothing here.
func (p *Process) AddEmail(ctx context.Context, by countersign.Caller, given string) (countersign.Email, error) {
	i, _, err := p.fresh(ctx, by)
	if err != nil {
		return countersign.Email{}, err
	}
	key, ok := address.Email(given)
	if !ok {
		return countersign.Email{}, countersign.Invalid("address", "invalid", "Give an e-mail address, such as ada@example.com.")
	}
	added := countersign.Email{Address: key}
	at := slices.IndexFunc(i.Emails, func(e countersign.Email) bool { return e.Address == key })
	switch {
	case at >= 0 && i.Emails[at].Verified:
		return i.Emails[at], &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "You have this address already."}
	case at < 0 && len(i.Emails) >= mostEmails:
		return added, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "An account has at most 10 addresses. Remove one first."}
	case at < 0:
		i.Emails = append(slices.Clone(i.Emails), added)
		if err := p.change(ctx, by, i.ID, "email.added", &countersign.Change{Identity: &i}); err != nil {
			return added, err
		}
	}
	// The prover looks among the caller's addresses, where the new one must be.
	by.Identity = i
	return added, p.Prover.SendCode(ctx, by, key)
}

// VerifyEmail proves an address by the code that was sent there.
func (p *Process) VerifyEmail(ctx context.Context, by countersign.Caller, given, code string) (countersign.Identity, error) {
	i, _, err := p.own(ctx, by)
	if err != nil {
		return i, err
	}
	key, ok := address.Email(given)
	if !ok || !slices.ContainsFunc(i.Emails, func(e countersign.Email) bool { return e.Address == key }) {
		return i, countersign.ErrNotFound
	}
	if err := p.Prover.VerifyCode(ctx, by, key, code); err != nil {
		return i, err
	}
	return p.Show(ctx, by)
}

// MakePrimary makes a verified address the one that mail goes to, and tells the old one.
func (p *Process) MakePrimary(ctx context.Context, by countersign.Caller, given string) (countersign.Identity, error) {
	i, at, err := p.email(ctx, by, given)
	if err != nil {
		return i, err
	}
	// Mail about the account to an address that nobody has proved would tell a stranger about it.
	if !i.Emails[at].Verified {
		return i, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "Verify this address first."}
	}
	// Asking twice is no mistake and no news: nothing is written, nobody is told.
	old := i.Primary()
	if old == i.Emails[at].Address {
		return i, nil
	}
	i.Emails = slices.Clone(i.Emails)
	for n := range i.Emails {
		i.Emails[n].Primary = n == at
	}
	c := &countersign.Change{Identity: &i}
	p.tell(c, by, i, "email_changed_old", map[string]string{"address": i.Emails[at].Address}, old)
	return i, p.change(ctx, by, i.ID, "email.primary", c)
}

// RemoveEmail removes an address that is not the primary one, and tells both.
func (p *Process) RemoveEmail(ctx context.Context, by countersign.Caller, given string) error {
	i, at, err := p.email(ctx, by, given)
	if err != nil {
		return err
	}
	gone := i.Emails[at]
	// There is always one that mail goes to, or nobody hears of the next change.
	if gone.Primary {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "Make another address the primary one first."}
	}
	i.Emails = slices.Delete(slices.Clone(i.Emails), at, at+1)
	c := &countersign.Change{Identity: &i}
	// One that was never proved is not told: it may be a stranger's.
	if gone.Verified {
		p.tell(c, by, i, "email_removed", map[string]string{"address": gone.Address}, i.Primary(), gone.Address)
	}
	return p.change(ctx, by, i.ID, "email.removed", c)
}

func (p *Process) email(ctx context.Context, by countersign.Caller, given string) (countersign.Identity, int, error) {
	i, _, err := p.fresh(ctx, by)
	if err != nil {
		return i, 0, err
	}
	key, ok := address.Email(given)
	at := slices.IndexFunc(i.Emails, func(e countersign.Email) bool { return e.Address == key })
	if !ok || at < 0 {
		return i, 0, countersign.ErrNotFound
	}
	return i, at, nil
}

// refused records a wrong answer and passes on what its caller may know.
func (p *Process) refused(ctx context.Context, by countersign.Caller, who countersign.IdentityID, method string, cause error) error {
	var known *countersign.Error
	if !errors.As(cause, &known) || known.Code == countersign.ErrOverloaded.Code {
		return fmt.Errorf("account: change %s: %w", method, cause)
	}
	ctx = context.WithoutCancel(ctx) // whoever hangs up right after a guess is written down too
	e := p.event(by, who, "proof.refused")
	e.Outcome, e.Reason, e.Method = "refused", known.Reason, method
	if e.Reason == "" {
		e.Reason = known.Code
	}
	if err := p.Store.Apply(ctx, &countersign.Change{Events: []countersign.Event{e}}); err != nil {
		return fmt.Errorf("account: record a refusal: %w", err)
	}
	return known
}
