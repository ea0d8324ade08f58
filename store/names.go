package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
)

// The kinds of identifier, as FindSubject takes them.
const (
	byEmail    = "email"
	byUsername = "username"
	byPhone    = "phone"
)

type name struct {
	kind, key string
	verified  bool
}

// namesOf lists the identifiers of an identity, each once; verified wins. The
// address is expected as internal rules normalise it: only its case is folded here.
func namesOf(i *countersign.Identity) []name {
	var out []name
	put := func(n name) {
		for k := range out {
			if out[k].kind == n.kind && out[k].key == n.key {
				out[k].verified = out[k].verified || n.verified
				return
			}
		}
		if n.key != "" {
			out = append(out, n)
		}
	}
	for _, e := range i.Emails {
		put(name{byEmail, keyOf(byEmail, e.Address), e.Verified})
	}
	if i.Username != nil {
		put(name{byUsername, keyOf(byUsername, *i.Username), true})
	}
	for _, p := range i.Phones {
		put(name{byPhone, keyOf(byPhone, p.Number), p.Verified})
	}
	return out
}

func keyOf(kind, s string) string {
	if kind == byPhone {
		return s
	}
	return strings.ToLower(s)
}

func (t *tx) putNames(i *countersign.Identity) error {
	all := namesOf(i)
	for len(all) > 0 {
		n := min(len(all), maxRows)
		args := make([]any, 0, 4*n)
		for _, one := range all[:n] {
			args = append(args, one.kind, one.key, string(i.ID), one.verified)
		}
		if _, err := t.exec(`INSERT INTO identifiers (kind, key, identity, verified) VALUES `+tuples(n, 4), args...); twice(err) {
			return fmt.Errorf("store: apply: %w", countersign.ErrTaken)
		} else if err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (t *tx) putLabels(i *countersign.Identity) error {
	var args []any
	put := func(kind string, all []string) {
		for k, l := range all {
			if !slices.Contains(all[:k], l) {
				args = append(args, kind, l, string(i.ID))
			}
		}
	}
	put("flag", i.Flags)
	put("role", i.Roles)
	for len(args) > 0 {
		n := min(len(args)/3, maxRows)
		if _, err := t.exec(`INSERT INTO labels (kind, name, identity) VALUES `+tuples(n, 3), args[:3*n]...); err != nil {
			return err
		}
		args = args[3*n:]
	}
	return nil
}
