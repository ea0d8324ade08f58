package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/profile"
)

// Factor is a credential as an administrator sees it: that it is there, and
// nothing that would let somebody in.
type Factor struct {
	ID        countersign.CredentialID `json:"id"`
	Method    string                   `json:"method"`
	Name      string                   `json:"name" doc:"What its owner calls it."`
	CreatedAt time.Time                `json:"created_at"`
	UsedAt    *time.Time               `json:"last_used_at"`
	Detail    map[string]any           `json:"detail" doc:"What the method tells of it."`
}

// Factors lists what an identity has set up, the oldest first.
func (p *Process) Factors(ctx context.Context, by countersign.Caller, id countersign.IdentityID) ([]Factor, error) {
	_, have, err := p.find(ctx, by, id)
	if err != nil {
		return nil, err
	}
	out := []Factor{}
	for _, c := range have {
		f := Factor{ID: c.ID, Method: c.Method, Name: c.Name, CreatedAt: c.CreatedAt, Detail: map[string]any{}}
		if !c.UsedAt.IsZero() {
			f.UsedAt = &c.UsedAt
		}
		if m, ok := p.Methods[c.Method].(countersign.Keeper); ok {
			for name, v := range m.Detail(c) {
				f.Detail[name] = v
			}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Factor) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// ResetFactors lets somebody in again who has lost what they prove with: all
// that its owner keeps goes, with the sessions, and every address is told why. What
// its owner can only change, a password, stays. The reason is on record for good
// and goes to its owner: 1 to 200 characters on one line.
func (p *Process) ResetFactors(ctx context.Context, by countersign.Caller, id countersign.IdentityID, reason string) error {
	if err := p.grave(by); err != nil {
		return err
	}
	reason, ok := profile.Name(reason)
	if !ok || reason == "" {
		return countersign.Invalid("reason", "invalid", "Say why, in 1 to 200 characters without line breaks or control characters.")
	}
	i, have, err := p.find(ctx, by, id)
	if err != nil {
		return err
	}
	// A new version: whatever was proved of the old one opens nothing any more.
	c := &countersign.Change{Identity: &i, End: []countersign.End{{Identity: id}}}
	var methods []string
	for _, one := range have {
		if p.keeps(one.Method) {
			c.Revoke = append(c.Revoke, one.ID)
			methods = append(methods, one.Method)
		}
	}
	if len(c.Revoke) == 0 {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "There is nothing to reset."}
	}
	slices.Sort(methods)
	detail := map[string]string{"reason": reason, "methods": strings.Join(slices.Compact(methods), " ")}
	p.tell(c, i, "factors_reset_by_admin", map[string]string{"reason": reason})
	return p.change(ctx, by, id, "factors.reset", detail, c)
}

// keeps says whether the credentials of a method are their owner's to add and remove.
func (p *Process) keeps(method string) bool {
	m := p.Methods[method]
	_, keeps := m.(countersign.Keeper)
	_, changes := m.(countersign.Changer)
	return keeps && !changes
}

// tell writes to every verified address. Unlike a letter about what its reader has
// done, it does not say from where: that is the administrator's.
func (p *Process) tell(c *countersign.Change, i countersign.Identity, template string, data map[string]string) {
	now := p.Now()
	for _, e := range i.Emails {
		if !e.Verified {
			continue
		}
		d := map[string]string{"at": now.UTC().Format(time.RFC3339)}
		for name, v := range data {
			d[name] = v
		}
		c.Send = append(c.Send, countersign.Message{
			ID: ids.New("msg", now), Channel: "email", To: e.Address, Template: template, Locale: i.Locale, Data: d, CreatedAt: now,
		})
	}
}
