package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/internal/door"
)

// The inputs around what an owner sets up. The body of a method is the method's:
// the door passes it on as it came.
type (
	keepIn struct {
		Body object `optional:"true"`
	}
	prepareIn struct {
		Body empty `optional:"true"`
	}
	keptIn struct {
		ID countersign.CredentialID `path:"id" id:"crd"`
	}
	confirmIn struct {
		ID   countersign.CredentialID `path:"id" id:"crd"`
		Body object
	}
	nameBody struct {
		Name string `json:"name" minLength:"1" maxLength:"60" pattern:"^[^\\x00-\\x1f\\x7f]+$" example:"Telephone"`
	}
	renameIn struct {
		ID   countersign.CredentialID `path:"id" id:"crd"`
		Body nameBody
	}
)

// security registers how a caller can prove itself, over all methods.
func (b *book) security() {
	do := b.api.Account
	add(b, route{method: "GET", path: "/v1/account/security", tag: "Security", summary: "How I can sign in",
		about:  "What opens a sign-in, what completes it, what stands in for a lost factor, and all that is set up.",
		answer: b.sampleSecurity()},
		func(ctx context.Context, by countersign.Caller, _ none) (account.Security, error) {
			return do.Security(ctx, by)
		})
}

// collections registers the same calls for every method whose credentials their
// owner keeps; which methods there are, the door does not know.
func (b *book) collections() {
	all := b.api.Account.Collections()
	for _, path := range slices.Sorted(maps.Keys(all)) {
		b.collection(all[path])
	}
}

func (b *book) collection(m countersign.Keeper) {
	do, kept := b.api.Account, m.Collection()
	at, tag, what := "/v1/account/"+kept.Path, "Security", strings.ReplaceAll(m.Name(), "_", " ")
	one := b.sampleFactor(m)
	add(b, route{method: "GET", path: at, tag: tag, summary: "List: " + what, about: "The oldest first.", answer: listOf([]account.Factor{one}, "")},
		func(ctx context.Context, by countersign.Caller, _ none) (list[account.Factor], error) {
			items, err := do.Factors(ctx, by, kept.Path)
			return listOf(items, ""), err
		})
	if !kept.Granted {
		b.addition(m)
	}
	if !kept.Fixed {
		add(b, route{method: "PATCH", path: at + "/{id}", tag: tag, summary: "Rename: " + what, errors: []string{"conflict"},
			body: nameBody{"Telephone"}, answer: one},
			func(ctx context.Context, by countersign.Caller, in renameIn) (account.Factor, error) {
				return do.Rename(ctx, by, kept.Path, in.ID, in.Body.Name)
			})
	}
	add(b, route{method: "DELETE", path: at + "/{id}", tag: tag, summary: "Remove: " + what,
		about: "The other sessions end, and every address is told.", errors: []string{"step_up_required", "conflict"}},
		func(ctx context.Context, by countersign.Caller, in keptIn) (none, error) {
			return none{}, do.Remove(ctx, by, kept.Path, in.ID)
		})
}

// made is what a method answers when one is added, once. The token in it, if it is
// one that a browser is to be remembered by, goes into a cookie as well.
type made struct {
	object
	token string
	life  time.Duration
}

func (o made) dress(d *door.Door, w http.ResponseWriter) {
	if o.token != "" {
		d.SetRemembered(w, o.token, o.life)
	}
}

// addition registers how one more is set up.
func (b *book) addition(m countersign.Keeper) {
	do, kept, shape := b.api.Account, m.Collection(), b.api.Shapes[m.Name()]
	at, tag, what := "/v1/account/"+kept.Path, "Security", strings.ReplaceAll(m.Name(), "_", " ")
	_, prepares := m.(countersign.Preparer)
	if prepares && !kept.Direct {
		b.prepared(m)
	}
	add(b, route{method: "POST", path: at, tag: tag, status: http.StatusCreated, secret: true, summary: "Add: " + what, about: addAbout(kept, prepares),
		errors: []string{"invalid_credentials", "attempt_expired", "step_up_required", "rate_limited", "conflict"},
		body:   orNone(shape.Add), answer: orElse(shape.Added, b.sampleFactor(m))},
		func(ctx context.Context, by countersign.Caller, in keepIn) (made, error) {
			out, err := do.Add(ctx, by, kept.Path, json.RawMessage(in.Body))
			return b.api.remembering(kept.Path, out), err
		})
}

// remembering finds the token that a browser is remembered by in what was made.
func (a *API) remembering(path string, shown json.RawMessage) made {
	out := made{object: object(shown), life: a.RememberFor}
	var in struct {
		Token string `json:"token"`
	}
	if a.Remember != "" && path == a.Remember && json.Unmarshal(shown, &in) == nil {
		out.token = in.Token
	}
	return out
}

// prepared registers the two steps of what must be shown before it can be answered.
func (b *book) prepared(m countersign.Keeper) {
	do, path, shape := b.api.Account, m.Collection().Path, b.api.Shapes[m.Name()]
	at, tag, what := "/v1/account/"+path, "Security", strings.ReplaceAll(m.Name(), "_", " ")
	add(b, route{method: "POST", path: at + "/options", tag: tag, secret: true, summary: "Begin to add: " + what,
		about: "Answers what to copy or to sign. Nothing is set up before it has been answered.", errors: []string{"step_up_required", "rate_limited", "conflict"},
		answer: orElse(shape.Options, map[string]any{"id": sampleCredential})},
		func(ctx context.Context, by countersign.Caller, _ prepareIn) (object, error) {
			out, err := do.Prepare(ctx, by, path)
			return object(out), err
		})
	add(b, route{method: "POST", path: at + "/{id}/confirm", tag: tag, secret: true, summary: "Confirm: " + what,
		about:  "Shows that what was begun works, and sets it up.",
		errors: []string{"invalid_credentials", "attempt_expired", "step_up_required", "rate_limited", "conflict"},
		body:   orElse(shape.Confirm, map[string]any{}), answer: b.sampleFactor(m)},
		func(ctx context.Context, by countersign.Caller, in confirmIn) (object, error) {
			out, err := do.Confirm(ctx, by, path, in.ID, json.RawMessage(in.Body))
			return object(out), err
		})
}

// addAbout says what adding does, which follows from how the method keeps its credentials.
func addAbout(kept countersign.Collection, prepares bool) string {
	var says []string
	if kept.Most == 1 {
		says = append(says, "Takes the place of the one before.")
	}
	if prepares && !kept.Direct {
		says = append(says, "With the answer to what was begun it is set up at once; without one this begins it, and it is to be confirmed.")
	}
	if prepares {
		says = append(says, "What is secret is shown this once.")
	}
	return strings.Join(append(says, "Beside `name`, the fields are the method's own."), " ")
}

// orNone is an example, or nil where a method has none.
func orNone(raw json.RawMessage) any { return orElse(raw, nil) }

func orElse(raw json.RawMessage, otherwise any) any {
	if raw == nil {
		return otherwise
	}
	return raw
}
