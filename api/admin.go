package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
)

// The inputs of administration. Who may do it is the process's to say, for the
// pages and the command line alike; the door only holds them to their form.
type (
	identitiesIn struct {
		Limit  int                    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
		After  countersign.IdentityID `query:"after" id:"idn" doc:"The next of the page before."`
		Flag   string                 `query:"flag" minLength:"1" maxLength:"64" doc:"Only those with this flag."`
		Role   string                 `query:"role" minLength:"1" maxLength:"64" doc:"Only those with this role."`
		Kind   countersign.Kind       `query:"kind" enum:"person,service,guest"`
		State  countersign.State      `query:"state" enum:"active,disabled"`
		Prefix string                 `query:"prefix" minLength:"1" maxLength:"320" doc:"Only those whose address or username begins so."`
	}
	identityIn struct {
		ID countersign.IdentityID `path:"id" id:"idn"`
	}
	identityBody struct {
		Kind       countersign.Kind `json:"kind,omitempty" enum:"person,service" doc:"A person, if not given."`
		Email      string           `json:"email,omitempty" maxLength:"320" pattern:"^[^\\x00-\\x20\\x7f]*$" example:"grace@example.com"`
		Username   string           `json:"username,omitempty" maxLength:"64" pattern:"^[^\\x00-\\x1f\\x7f]*$"`
		Name       string           `json:"name,omitempty" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]*$"`
		Locale     string           `json:"locale,omitempty" maxLength:"35" pattern:"^[A-Za-z0-9-]*$"`
		Evidence   evidence         `json:"evidence,omitempty" doc:"What sets up the first credential. Without it the person recovers the account to choose one."`
		Flags      []string         `json:"flags,omitempty" maxItems:"64"`
		Roles      []string         `json:"roles,omitempty" maxItems:"64"`
		Unverified bool             `json:"unverified,omitempty" doc:"The address has yet to be proved by its owner."`
	}
	newIdentityIn struct{ Body identityBody }
	patchBody     struct {
		Name     *string            `json:"name,omitempty" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]*$"`
		State    *countersign.State `json:"state,omitempty" enum:"active,disabled" doc:"Disabling ends every session."`
		Flags    *[]string          `json:"flags,omitempty" maxItems:"64" doc:"All of them; what is not listed is taken away."`
		Roles    *[]string          `json:"roles,omitempty" maxItems:"64" doc:"All of them; what is not listed is taken away."`
		Metadata object             `json:"metadata,omitempty" doc:"Any object; it replaces the one before."`
	}
	patchIn struct {
		ID   countersign.IdentityID `path:"id" id:"idn"`
		Body patchBody
	}
	identitySessionsIn struct {
		ID    countersign.IdentityID `path:"id" id:"idn"`
		Limit int                    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
		After countersign.SessionID  `query:"after" id:"ses" doc:"The next of the page before."`
	}
	identitySessionIn struct {
		ID      countersign.IdentityID `path:"id" id:"idn"`
		Session countersign.SessionID  `path:"session" id:"ses"`
	}
	resetFactorsBody struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]+$" doc:"For the record, and for the letter to its owner." example:"Lost the phone; came to the desk with a passport."`
	}
	resetFactorsIn struct {
		ID   countersign.IdentityID `path:"id" id:"idn"`
		Body resetFactorsBody
	}
	auditIn struct {
		Limit   int                    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
		After   string                 `query:"after" maxLength:"128" pattern:"^[A-Za-z0-9_.:-]+$" doc:"The next of the page before."`
		Subject countersign.IdentityID `query:"subject" id:"idn" doc:"Only what was done to this identity."`
		Action  string                 `query:"action" maxLength:"64" pattern:"^[a-z_.]+$" doc:"Only this action, such as session.opened."`
	}
)

// identities registers what an administrator can do with identities.
func (b *book) identities() {
	do := b.api.Admin
	denied, grave := []string{"forbidden"}, []string{"forbidden", "step_up_required"}
	add(b, route{method: "GET", path: "/v1/admin/identities", tag: "Administration", summary: "List identities", errors: denied,
		answer: listOf([]countersign.Identity{sampleIdentity()}, string(sampleIdentity().ID))},
		func(ctx context.Context, by countersign.Caller, in identitiesIn) (list[countersign.Identity], error) {
			items, next, err := do.List(ctx, by, countersign.IdentityFilter{Flag: in.Flag, Role: in.Role, Kind: in.Kind, State: in.State, Prefix: in.Prefix}, in.After, in.Limit)
			return listOf(items, next), err
		})
	add(b, route{method: "POST", path: "/v1/admin/identities", tag: "Administration", status: http.StatusCreated, summary: "Add an identity",
		errors: []string{"forbidden", "step_up_required", "conflict"}, body: map[string]any{"email": "grace@example.com", "name": "Grace"}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in newIdentityIn) (countersign.Identity, error) {
			n := in.Body
			return do.Add(ctx, by, admin.New{Kind: n.Kind, Email: n.Email, Username: n.Username, Name: n.Name, Locale: n.Locale,
				Flags: n.Flags, Roles: n.Roles, Unverified: n.Unverified, Secret: json.RawMessage(n.Evidence)})
		})
	add(b, route{method: "GET", path: "/v1/admin/identities/{id}", tag: "Administration", summary: "One identity", errors: denied, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in identityIn) (countersign.Identity, error) {
			return do.Show(ctx, by, in.ID)
		})
	add(b, route{method: "PATCH", path: "/v1/admin/identities/{id}", tag: "Administration", summary: "Change an identity", about: "Fields that are not sent stay as they are.",
		errors: []string{"forbidden", "step_up_required", "conflict"}, body: map[string]any{"flags": []string{"beta"}}, answer: sampleIdentity()},
		func(ctx context.Context, by countersign.Caller, in patchIn) (countersign.Identity, error) {
			p := admin.Patch{Flags: in.Body.Flags, Roles: in.Body.Roles, State: in.Body.State, Name: in.Body.Name}
			if in.Body.Metadata != nil {
				p.Metadata = (*json.RawMessage)(&in.Body.Metadata)
			}
			return do.Patch(ctx, by, in.ID, p)
		})
	add(b, route{method: "DELETE", path: "/v1/admin/identities/{id}", tag: "Administration", summary: "Delete an identity", errors: grave},
		func(ctx context.Context, by countersign.Caller, in identityIn) (none, error) {
			return none{}, do.Delete(ctx, by, in.ID)
		})
	add(b, route{method: "GET", path: "/v1/admin/identities/{id}/factors", tag: "Administration", summary: "What an identity has set up", errors: denied,
		answer: listOf([]admin.Factor{sampleAdminFactor()}, "")},
		func(ctx context.Context, by countersign.Caller, in identityIn) (list[admin.Factor], error) {
			items, err := do.Factors(ctx, by, in.ID)
			return listOf(items, ""), err
		})
	add(b, route{method: "POST", path: "/v1/admin/identities/{id}/reset-factors", tag: "Administration", summary: "Reset lost factors",
		about:  "All that its owner has set up goes but what can only be changed, a password. Every session ends, and every address is told the reason.",
		errors: []string{"forbidden", "step_up_required", "conflict"}, body: map[string]any{"reason": "Lost the phone; came to the desk with a passport."}},
		func(ctx context.Context, by countersign.Caller, in resetFactorsIn) (none, error) {
			return none{}, do.ResetFactors(ctx, by, in.ID, in.Body.Reason)
		})
	add(b, route{method: "GET", path: "/v1/admin/identities/{id}/sessions", tag: "Administration", summary: "Sessions of an identity", errors: denied,
		answer: listOf([]countersign.Session{sampleSession()}, "")},
		func(ctx context.Context, by countersign.Caller, in identitySessionsIn) (list[countersign.Session], error) {
			items, next, err := do.Sessions(ctx, by, in.ID, in.After, in.Limit)
			return listOf(items, next), err
		})
	add(b, route{method: "DELETE", path: "/v1/admin/identities/{id}/sessions", tag: "Administration", summary: "End all sessions of an identity", errors: denied},
		func(ctx context.Context, by countersign.Caller, in identityIn) (none, error) {
			return none{}, do.EndSessions(ctx, by, in.ID, "")
		})
	add(b, route{method: "DELETE", path: "/v1/admin/identities/{id}/sessions/{session}", tag: "Administration", summary: "End one session of an identity", errors: denied},
		func(ctx context.Context, by countersign.Caller, in identitySessionIn) (none, error) {
			return none{}, do.EndSessions(ctx, by, in.ID, in.Session)
		})
}

// adminSessionsIn asks the same as the path below an identity, for programs that
// build a query from a table. There is no list of everybody's sessions.
type adminSessionsIn struct {
	Identity countersign.IdentityID `query:"identity" id:"idn" required:"true" doc:"Whose sessions."`
	Limit    int                    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	After    countersign.SessionID  `query:"after" id:"ses" doc:"The next of the page before."`
}

// audit registers what an administrator can look into.
func (b *book) audit() {
	do := b.api.Admin
	add(b, route{method: "GET", path: "/v1/admin/sessions", tag: "Administration", summary: "Sessions of an identity, by parameter", errors: []string{"forbidden"},
		answer: listOf([]countersign.Session{sampleSession()}, "")},
		func(ctx context.Context, by countersign.Caller, in adminSessionsIn) (list[countersign.Session], error) {
			items, next, err := do.Sessions(ctx, by, in.Identity, in.After, in.Limit)
			return listOf(items, next), err
		})
	add(b, route{method: "GET", path: "/v1/admin/audit", tag: "Administration", summary: "The audit log", about: "Newest first.", errors: []string{"forbidden"},
		answer: listOf([]countersign.Event{sampleEvent()}, "")},
		func(ctx context.Context, by countersign.Caller, in auditIn) (list[countersign.Event], error) {
			items, next, err := do.Events(ctx, by, countersign.EventFilter{Subject: in.Subject, Action: in.Action}, in.After, in.Limit)
			return listOf(items, next), err
		})
}
