package countersign

import "time"

// Change is what one step of a process writes: in one transaction, all of it
// or nothing. The store fills in nothing and forgets nothing; a Change without
// an Event is refused, because without a record there is no pass.
//
// Conditions are part of the change. It fails as a whole with ErrConflict when
// an Identity's, a Still's or an Attempt's version has moved on, a Spend finds its
// challenge spent, expired or replaced or a Live End its session gone, and with ErrTaken when an address or a
// username belongs to another identity.
type Change struct {
	Identity    *Identity      // created when its Version is 0, replaced when that still matches; its Version is set to the new one
	Still       *Identity      // what was proved was proved of it: it must have that version yet and be active, else ErrConflict; not with Identity
	Remove      IdentityID     // this identity and everything that hangs on it, but not its events
	Holder      string         // a role that somebody active must still have after it, else ErrConflict
	Credentials []Credential   // added, or replaced by id
	Refresh     []Credential   // replaced where their version still matches, left as they are elsewhere
	Revoke      []CredentialID // removed, after Credentials
	Attempt     *Attempt       // created when its Version is 0, replaced when that still matches; likewise set
	Replaces    AttemptID      // an open attempt that Attempt takes the place of: it fails
	Challenge   *Challenge     // kept; ends the older one of its scope and method
	Spend       *Challenge     // spent: its Scope, Method and Keep name it
	End         []End          // sessions that end; before Session is opened
	Session     *Session       // opened
	Send        []Message      // put in the outbox
	Clear       []string       // guess budgets that a success gives back
	Events      []Event        // never empty
}

// End names sessions that end: one by id (always within the identity), or all of an identity but one.
type End struct {
	Identity IdentityID
	Session  SessionID // this one; empty for all
	Except   SessionID // when all: but not this one
	Open     bool      // when all: attempts of the identity that are open go on
	Live     bool      // when one: it must be there yet, else ErrConflict
}

// Message is something to be sent: exactly once per cause, or retried until it
// is. Its Data holds codes and links, so the store seals it and drops it when sent
// (the development inbox keeps it).
type Message struct {
	ID        string            // msg_…
	Channel   string            // "email" or "sms"; "none" costs the same and sends nothing
	To        string            //
	Template  string            // "recover", "password_changed", …
	Locale    string            //
	Data      map[string]string // what the template shows
	CreatedAt time.Time
	SentAt    time.Time // zero while it waits
	Tries     int
}

// Budget is a count that runs out: of wrong guesses or of uses, kept in the database.
type Budget struct {
	Key string // what it counts; already hashed where it holds an address

	Max int
	// Per is the window of a rate: Max uses in each. 0 for a guess budget:
	// Max guesses in a row without a success, then a Pause that doubles each time.
	Per   time.Duration
	Pause time.Duration
}

// Noted says that an identity or one session changed, so that every node can
// drop what it remembers of it. (Chain, N) names it; a reader that looks back a
// little may see one twice.
type Noted struct {
	Chain    string
	N        int64
	At       time.Time
	Identity IdentityID
	Session  SessionID // empty when all of the identity changed
}
