package login

import (
	"encoding/json"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/profile"
)

// Start is what begins an attempt. With Evidence inside, a whole sign-in is one call.
type Start struct {
	Purpose    countersign.Purpose `json:"purpose" enum:"sign_in,sign_up,verify,recover,step_up"`
	Identifier string              `json:"identifier,omitempty" maxLength:"320" doc:"E-mail address, phone number or username"`
	Traits     *Traits             `json:"traits,omitempty"`
	ReturnTo   string              `json:"return_to,omitempty" maxLength:"2048"`
	Issue      string              `json:"issue,omitempty" enum:"cookie,session_token"`
	Level      string              `json:"level,omitempty" enum:"aal1,aal2" doc:"What a step-up must reach"`
	Evidence   json.RawMessage     `json:"evidence,omitempty" doc:"The method's name and its own fields"`
}

// needs reads the level that a step-up asks for.
func (in Start) needs() (n countersign.Needs) {
	if in.Level == "aal2" {
		n.Factors = 2
	}
	return n
}

// Traits are what a new identity says of itself.
type Traits struct {
	Name   string `json:"name,omitempty" maxLength:"200"`
	Locale string `json:"locale,omitempty" maxLength:"35"`
}

// into copies the traits into an attempt. They end up in letters, pages and
// logs, so a name is text on one line, as it is where the owner changes it.
func (t Traits) into(a *countersign.Attempt) error {
	name, ok := profile.Name(t.Name)
	if a.Name = name; !ok {
		return countersign.Invalid("name", "invalid", "A name has at most 200 characters and no line breaks or control characters.")
	}
	if t.Locale == "" {
		return nil
	}
	if a.Locale, ok = profile.Locale(t.Locale); !ok {
		return countersign.Invalid("locale", "invalid", "Give a language tag, such as en or de-CH.")
	}
	return nil
}

// Result is how an attempt stands. Secret is the session token of a completed
// one, given once to whoever completed it and never again.
type Result struct {
	ID        countersign.AttemptID    `json:"id"`
	Purpose   countersign.Purpose      `json:"purpose"`
	State     countersign.AttemptState `json:"state" enum:"needs_evidence,complete,failed,expired"`
	Methods   []Offer                  `json:"methods"`
	Assurance Levels                   `json:"assurance"`
	ExpiresAt time.Time                `json:"expires_at"`
	ReturnTo  string                   `json:"return_to,omitempty"`
	Lost      bool                     `json:"lost,omitempty" doc:"True when a delayed reset of lost factors can be asked for"`
	Challenge json.RawMessage          `json:"challenge,omitempty"`
	Session   *countersign.Session     `json:"session,omitempty"`

	Secret     string                 `json:"-"`
	Issue      string                 `json:"-"`
	Identifier string                 `json:"-"` // as it was given, for pages
	Proved     countersign.IdentityID `json:"-"` // who completed it, for the device cookie
}

// Offer is one method that may come next.
type Offer struct {
	Method    string     `json:"method"`
	To        string     `json:"to,omitempty" doc:"Where a code goes, masked"`
	Sent      bool       `json:"sent,omitempty" doc:"True when its code or link has gone out"`
	NotBefore *time.Time `json:"not_before,omitempty" doc:"From when it proves, for one that waits"`
	Enroll    bool       `json:"enroll,omitempty" doc:"True when it is to be set up rather than proved"`
}

// Levels are the assurance reached and required.
type Levels struct {
	Reached  countersign.Assurance `json:"reached" enum:"aal0,aal1,aal2,aal3"`
	Required countersign.Assurance `json:"required" enum:"aal0,aal1,aal2,aal3"`
}

// Link is what the page of a mailed link may show before anything is spent.
type Link struct {
	Purpose countersign.Purpose
	Address string
	Attempt countersign.AttemptID // empty for an address that is being added to an account
	Device  countersign.Device    // which device asked
	AskedAt time.Time
}
