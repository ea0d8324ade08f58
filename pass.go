package countersign

import (
	"net/netip"
	"time"
)

// Device is what a person would recognise of the program they used.
type Device struct {
	Name    string `json:"name"`    // "Chrome on a Mac"
	Network string `json:"network"` // the address it came from
	Place   string `json:"place"`   // "near Lyon, France"; empty when unknown
}

// Session is a pass that a browser, or a program with a session token, carries.
// Only the SHA-256 of its secret is kept.
type Session struct {
	ID              SessionID  `json:"id"`
	Identity        IdentityID `json:"-"`
	Hash            [32]byte   `json:"-"`
	Assurance       Assurance  `json:"assurance" enum:"aal0,aal1,aal2,aal3"`
	Methods         []string   `json:"methods"`
	AuthenticatedAt time.Time  `json:"authenticated_at"`
	LastProvedAt    time.Time  `json:"last_proved_at"`
	LastSeenAt      time.Time  `json:"last_seen_at"` // exact to about ten minutes
	ExpiresAt       time.Time  `json:"expires_at"`   // the absolute end
	IdleExpiresAt   time.Time  `json:"idle_expires_at"`
	Device          Device     `json:"device"`
}

// Live reports whether the session may still be used at that time.
func (s Session) Live(now time.Time) bool {
	return s.ID != "" && now.Before(s.ExpiresAt) && now.Before(s.IdleExpiresAt)
}

// Caller is who stands behind a request. The zero Caller is a stranger.
type Caller struct {
	Identity   Identity
	Session    Session
	From       netip.Addr
	Device     Device
	Locale     string     // the language of the request, for messages to people who have not chosen one
	System     string     // set when the server itself or its command line acts: "cli", "janitor"
	Request    string     // the request id, for the log
	Remembered string     // the token of a browser that is remembered, if it is one
	Known      IdentityID // whom this device has proved before (a device cookie); it keeps a guess budget of its own for that identity alone
}

// ProvedWithin reports whether the caller showed proof within the last d.
func (c Caller) ProvedWithin(d time.Duration, now time.Time) bool {
	return c.Session.ID != "" && !c.Session.LastProvedAt.IsZero() && now.Sub(c.Session.LastProvedAt) < d
}

// Event is one line of the audit log: who did what to whom, from where, how it ended.
type Event struct {
	ID      string            `json:"id"` // evt_…
	At      time.Time         `json:"at"`
	Action  string            `json:"action"`           // "proof.refused", "session.opened", …
	Outcome string            `json:"outcome"`          // "ok" or "refused"
	Reason  string            `json:"reason,omitempty"` // the true one; never shown to the caller who was refused
	Actor   string            `json:"actor,omitempty"`  // identity, or the part of the system that acted
	Subject IdentityID        `json:"subject,omitempty"`
	Session SessionID         `json:"session,omitempty"`
	Attempt AttemptID         `json:"attempt,omitempty"`
	Method  string            `json:"method,omitempty"`
	Network string            `json:"network,omitempty"`
	Device  string            `json:"device,omitempty"`
	Request string            `json:"request,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}
