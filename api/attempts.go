package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/login"
)

// startBody is what begins an attempt. The patterns refuse control characters,
// because what is typed here ends up in mails and logs; what an identifier or a
// locale may be is for the process to say.
type startBody struct {
	Purpose    countersign.Purpose `json:"purpose" enum:"sign_in,sign_up,recover,step_up,verify" doc:"What the attempt is for."`
	Identifier string              `json:"identifier,omitempty" maxLength:"320" pattern:"^[^\\x00-\\x1f\\x7f]*$" doc:"E-mail address, phone number or username." example:"ada@example.com"`
	Traits     *traits             `json:"traits,omitempty" doc:"What a new identity says of itself."`
	ReturnTo   string              `json:"return_to,omitempty" maxLength:"2048" doc:"Where a person goes afterwards: a path of this server, or a URL of an allowed origin." example:"/account"`
	Issue      string              `json:"issue,omitempty" enum:"cookie,session_token" doc:"The pass wanted: a cookie (the default) or a token in the answer."`
	Level      string              `json:"level,omitempty" enum:"aal1,aal2" doc:"What a step-up must reach."`
	Evidence   evidence            `json:"evidence,omitempty" doc:"The first evidence, so that a whole sign-in is one call."`
}

// traits are what a new identity says of itself: nothing that grants anything.
type traits struct {
	Name   string `json:"name,omitempty" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]*$"`
	Locale string `json:"locale,omitempty" maxLength:"35" pattern:"^[A-Za-z0-9-]*$" example:"en"`
}

// challengeBody names a method by what the attempt offered; the door knows none.
type challengeBody struct {
	Method string `json:"method" minLength:"1" maxLength:"64" doc:"One of the methods that the attempt offers."`
}

// The inputs of the calls. An id that is not of its form never reaches a process.
type (
	startIn   struct{ Body startBody }
	attemptIn struct {
		ID countersign.AttemptID `path:"id" id:"att"`
	}
	challengeIn struct {
		ID   countersign.AttemptID `path:"id" id:"att"`
		Body challengeBody
	}
	evidenceIn struct {
		ID   countersign.AttemptID `path:"id" id:"att"`
		Body evidence
	}
	resetIn struct {
		ID   countersign.AttemptID `path:"id" id:"att"`
		Body empty                 `optional:"true"`
	}
	cancelBody struct {
		Token string `json:"token" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x20\\x7f]+$" doc:"The token of the link in the letter." example:"cs_lnk_…"`
	}
	cancelIn struct{ Body cancelBody }
)

// attempt is how an attempt stands. The session's token is in it only when it
// was asked for that way, and goes into a cookie otherwise.
type attempt struct {
	login.Result
	SessionToken string `json:"session_token,omitempty" doc:"Once complete, and only when issue was session_token: shown this once."`
}

// attemptOf shows a result, with its secret only for who asked to hold it: a
// script on a page must not be able to read what the cookie hides from it.
func attemptOf(r login.Result, err error) (attempt, error) {
	out := attempt{Result: r}
	if r.Issue == "session_token" {
		out.SessionToken = r.Secret
	}
	return out, err
}

// dress hands a browser its session in a cookie that no script can read, and remembers the device that proved.
func (o attempt) dress(d *door.Door, w http.ResponseWriter) {
	if o.Secret == "" || o.Session == nil || o.SessionToken != "" {
		return
	}
	d.SetSession(w, o.Secret, o.Session.ExpiresAt)
	if o.Proved != "" {
		d.SetDevice(w, o.Proved)
	}
}

// attempts registers how people and programs prove who they are.
func (b *book) attempts() {
	a := b.api
	add(b, route{method: "POST", path: "/v1/attempts", tag: "Attempts", open: true, secret: true,
		summary: "Start an attempt", about: "Signs in or up, recovers an account, steps up or verifies an address. With evidence inside, a whole sign-in is one call.",
		errors: []string{"invalid_credentials", "rate_limited"}, body: b.startExample(), answer: completeAttempt()},
		func(ctx context.Context, by countersign.Caller, in startIn) (attempt, error) {
			s := in.Body
			if s.ReturnTo != "" {
				if _, ok := door.SafeReturn(s.ReturnTo, a.ReturnTo, a.Door.Public); !ok {
					return attempt{}, countersign.Invalid("return_to", "not_allowed", "People cannot be sent back to that place.")
				}
			}
			start := login.Start{Purpose: s.Purpose, Identifier: s.Identifier, ReturnTo: s.ReturnTo, Issue: s.Issue, Level: s.Level, Evidence: json.RawMessage(s.Evidence)}
			if s.Traits != nil {
				start.Traits = &login.Traits{Name: s.Traits.Name, Locale: s.Traits.Locale}
			}
			return attemptOf(a.Login.Start(ctx, by, start))
		})
	add(b, route{method: "GET", path: "/v1/attempts/{id}", tag: "Attempts", open: true,
		summary: "How an attempt stands", errors: []string{"attempt_expired"}, answer: openAttempt()},
		func(ctx context.Context, by countersign.Caller, in attemptIn) (attempt, error) {
			return attemptOf(a.Login.State(ctx, by, in.ID))
		})
	add(b, route{method: "POST", path: "/v1/attempts/{id}/challenges", tag: "Attempts", open: true, secret: true,
		summary: "Have a method ask", about: "Sends the code, or returns the challenge to answer or what is to be set up. A new one ends the old one.",
		errors: []string{"attempt_expired", "rate_limited"}, body: map[string]any{"method": "email_code"}, answer: openAttempt()},
		func(ctx context.Context, by countersign.Caller, in challengeIn) (attempt, error) {
			return attemptOf(a.Login.Ask(ctx, by, in.ID, in.Body.Method))
		})
	add(b, route{method: "POST", path: "/v1/attempts/{id}/evidence", tag: "Attempts", open: true, secret: true,
		summary: "Show evidence", about: "Answers with the attempt: complete, or what is needed next. Evidence that does not match leaves the attempt open.",
		errors: []string{"invalid_credentials", "attempt_expired", "rate_limited"}, body: b.evidenceExample(), answer: completeAttempt()},
		func(ctx context.Context, by countersign.Caller, in evidenceIn) (attempt, error) {
			return attemptOf(a.Login.Answer(ctx, by, in.ID, json.RawMessage(in.Body)))
		})
	b.resets()
}

// resets registers the way back for who has lost every second step.
func (b *book) resets() {
	a := b.api
	add(b, route{method: "POST", path: "/v1/attempts/{id}/reset", tag: "Attempts", open: true, status: http.StatusAccepted,
		summary: "Ask for a reset of lost factors", about: "For who has proved the first factor and has lost the others, where an attempt says `lost`. " +
			"Every address of the account is told at once and can end it; after some days a sign-in is let through without them.",
		errors: []string{"invalid_credentials", "attempt_expired", "forbidden", "rate_limited"}, answer: openAttempt()},
		func(ctx context.Context, by countersign.Caller, in resetIn) (attempt, error) {
			return attemptOf(a.Resets.BeginReset(ctx, by, in.ID))
		})
	add(b, route{method: "POST", path: "/v1/factor-reset/cancel", tag: "Attempts", open: true,
		summary: "End a reset that somebody asked for", about: "By the link that every address was sent.",
		errors: []string{"attempt_expired"}, body: map[string]any{"token": "cs_lnk_…"}},
		func(ctx context.Context, by countersign.Caller, in cancelIn) (none, error) {
			return none{}, a.Resets.CancelReset(ctx, by, in.Body.Token)
		})
}

// evidenceExample is one method's, or nil where nobody gave one.
func (b *book) evidenceExample() any {
	if e := b.shape(func(s Shape) json.RawMessage { return s.Evidence }); e != nil {
		return e
	}
	return nil
}

func (b *book) startExample() any {
	example := map[string]any{"purpose": "sign_in", "identifier": "ada@example.com", "issue": "session_token"}
	if e := b.evidenceExample(); e != nil {
		example["evidence"] = e
	}
	return example
}
