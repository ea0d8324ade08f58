package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

// accountBody is what people may say of themselves. A picture is an address that
// other programs will show, so it is https and holds nothing that could end an attribute.
type accountBody struct {
	Name     *string `json:"name,omitempty" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]*$" example:"Ada Lovelace"`
	Locale   *string `json:"locale,omitempty" maxLength:"35" pattern:"^[A-Za-z0-9-]*$" example:"en"`
	Username *string `json:"username,omitempty" maxLength:"64" pattern:"^[^\\x00-\\x1f\\x7f]*$" doc:"Empty for none."`
	Picture  *string `json:"picture,omitempty" maxLength:"2048" pattern:"^(https://[^\\x00-\\x20\\x7f\"<>\\\\]+)?$" doc:"Address of a picture, https only. Empty for none."`
}

type accountIn struct{ Body accountBody }

// changeIn holds what a method asks for to change its credential; the method checks it.
type changeIn struct{ Body object }

// account registers what a caller can do with its account as a whole.
func (b *book) account() {
	do := b.api.Account
	add(b, route{method: "GET", path: "/v1/account", tag: "Account", summary: "My account", answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, _ none) (countersign.Identity, error) {
			return do.Show(ctx, by)
		})
	add(b, route{method: "PATCH", path: "/v1/account", tag: "Account", summary: "Change my account", about: "Fields that are not sent stay as they are.",
		errors: []string{"conflict"}, body: map[string]any{"name": "Ada Lovelace"}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in accountIn) (countersign.Identity, error) {
			return do.Update(ctx, by, account.Patch(in.Body))
		})
	add(b, route{method: "DELETE", path: "/v1/account", tag: "Account", summary: "Delete my account", about: "At once and for good. Ask for the export first.",
		errors: []string{"step_up_required"}},
		func(ctx context.Context, by countersign.Caller, _ none) (gone, error) {
			return gone{}, do.Delete(ctx, by)
		})
	add(b, route{method: "GET", path: "/v1/account/export", tag: "Account", summary: "Everything held about me", errors: []string{"step_up_required"}, answer: sampleExport()},
		func(ctx context.Context, by countersign.Caller, _ none) (account.Export, error) {
			return do.Export(ctx, by)
		})
	add(b, route{method: "GET", path: "/v1/account/activity", tag: "Account", summary: "My audit trail", about: "Newest first.",
		answer: listOf([]countersign.Event{sampleEvent()}, "")},
		func(ctx context.Context, by countersign.Caller, in page) (list[countersign.Event], error) {
			items, next, err := do.Activity(ctx, by, in.After, in.Limit)
			return listOf(items, next), err
		})
	for _, method := range do.Changeable() {
		add(b, route{method: "PUT", path: "/v1/account/" + method, tag: "Account", summary: "Change my " + method, about: "The other sessions end.",
			errors: []string{"invalid_credentials", "step_up_required", "rate_limited"}, body: b.changeExample(method)},
			func(ctx context.Context, by countersign.Caller, in changeIn) (none, error) {
				return none{}, do.Change(ctx, by, method, json.RawMessage(in.Body))
			})
	}
}

// The inputs around addresses. One in a path may hold any letter that an address
// may; the process compares it in canonical form and finds only the caller's own.
type (
	addressBody struct {
		Address string `json:"address" minLength:"3" maxLength:"320" pattern:"^[^\\x00-\\x20\\x7f]+$" example:"ada@example.com"`
	}
	addressIn struct{ Body addressBody }
	codeBody  struct {
		Code string `json:"code" minLength:"1" maxLength:"64" pattern:"^[^\\x00-\\x1f\\x7f]+$" doc:"The code that was sent." example:"12345678"`
	}
	emailIn struct {
		Address string `path:"address" maxLength:"320"`
	}
	emailCodeIn struct {
		Address string `path:"address" maxLength:"320"`
		Body    codeBody
	}
)

// emails registers what a caller can do with its addresses.
func (b *book) emails() {
	do := b.api.Account
	add(b, route{method: "GET", path: "/v1/account/emails", tag: "E-mail addresses", summary: "My e-mail addresses", answer: listOf(sampleIdentity().Emails, "")},
		func(ctx context.Context, by countersign.Caller, _ none) (list[countersign.Email], error) {
			me, err := do.Show(ctx, by)
			return listOf(me.Emails, ""), err
		})
	add(b, route{method: "POST", path: "/v1/account/emails", tag: "E-mail addresses", status: http.StatusCreated, summary: "Add an e-mail address",
		about: "A code and a link are sent to it. Asking again sends new ones.", errors: []string{"step_up_required", "rate_limited", "conflict"},
		body: addressBody{"ada@example.org"}, answer: countersign.Email{Address: "ada@example.org"}},
		func(ctx context.Context, by countersign.Caller, in addressIn) (countersign.Email, error) {
			return do.AddEmail(ctx, by, in.Body.Address)
		})
	add(b, route{method: "POST", path: "/v1/account/emails/{address}/verify", tag: "E-mail addresses", summary: "Prove that an address is mine",
		errors: []string{"invalid_credentials", "rate_limited", "conflict"}, body: codeBody{"12345678"}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in emailCodeIn) (countersign.Identity, error) {
			return do.VerifyEmail(ctx, by, in.Address, in.Body.Code)
		})
	add(b, route{method: "POST", path: "/v1/account/emails/{address}/primary", tag: "E-mail addresses", summary: "Make an address the one that mail goes to",
		errors: []string{"step_up_required", "conflict"}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in emailIn) (countersign.Identity, error) {
			return do.MakePrimary(ctx, by, in.Address)
		})
	add(b, route{method: "DELETE", path: "/v1/account/emails/{address}", tag: "E-mail addresses", summary: "Remove an address",
		errors: []string{"step_up_required", "conflict"}},
		func(ctx context.Context, by countersign.Caller, in emailIn) (none, error) {
			return none{}, do.RemoveEmail(ctx, by, in.Address)
		})
}
