package api

import (
	"context"
	"net/http"

	"github.com/countersign-id/countersign"
)

// The inputs around numbers. The process reads a number in any usual form and
// finds only the caller's own.
type (
	numberBody struct {
		Number string `json:"number" minLength:"3" maxLength:"64" pattern:"^[^\\x00-\\x1f\\x7f]+$" doc:"With its country, such as +44." example:"+44 20 7946 0958"`
	}
	numberIn struct{ Body numberBody }
	phoneIn  struct {
		Number string `path:"number" maxLength:"64"`
	}
	phoneCodeIn struct {
		Number string `path:"number" maxLength:"64"`
		Body   codeBody
	}
)

// phones registers what a caller can do with its numbers.
func (b *book) phones() {
	do := b.api.Account
	add(b, route{method: "GET", path: "/v1/account/phones", tag: "Phone numbers", summary: "My phone numbers", answer: listOf([]countersign.Phone{samplePhone()}, "")},
		func(ctx context.Context, by countersign.Caller, _ none) (list[countersign.Phone], error) {
			me, err := do.Show(ctx, by)
			return listOf(me.Phones, ""), err
		})
	add(b, route{method: "POST", path: "/v1/account/phones", tag: "Phone numbers", status: http.StatusCreated, summary: "Add a phone number",
		about: "A code is sent to it. Asking again sends a new one.", errors: []string{"step_up_required", "rate_limited", "conflict"},
		body: numberBody{"+44 20 7946 0958"}, answer: samplePhone()},
		func(ctx context.Context, by countersign.Caller, in numberIn) (countersign.Phone, error) {
			return do.AddPhone(ctx, by, in.Body.Number)
		})
	add(b, route{method: "POST", path: "/v1/account/phones/{number}/verify", tag: "Phone numbers", summary: "Prove that a number is mine",
		errors: []string{"invalid_credentials", "rate_limited", "conflict"}, body: codeBody{"123456"}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in phoneCodeIn) (countersign.Identity, error) {
			return do.VerifyPhone(ctx, by, in.Number, in.Body.Code)
		})
	add(b, route{method: "DELETE", path: "/v1/account/phones/{number}", tag: "Phone numbers", summary: "Remove a number",
		errors: []string{"step_up_required", "conflict"}},
		func(ctx context.Context, by countersign.Caller, in phoneIn) (none, error) {
			return none{}, do.RemovePhone(ctx, by, in.Number)
		})
}
