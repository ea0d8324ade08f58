// Package notify tells people things by mail and by text message: it turns
// messages of the outbox into letters, or into a few lines, in the reader's language
// and hands them to a mail server, to Twilio or to a hook of the operator's, until
// one of these has taken them.
//
// It owns the words and looks of every message, the conversation with whoever
// takes it and the worker that empties the outbox. It does not own the outbox
// itself: a message is stored in the transaction that causes it, by the store,
// and this package only learns of it afterwards.
//
// Promises. A message is sent once for each cause, or tried for three days. A
// server that is killed between sending and noting it sends again, under the
// same Message-ID or webhook-id, by which the copy can be recognised: that is as
// near to "exactly once" as SMTP (RFC 5321 section 6.1) lets anyone come. Twilio knows
// no such id. A text message is not tried again once its code or link has expired.
//
// No mail greets its reader by name. A sign-up form lets strangers choose a
// name for an address that is not theirs, and so would let them write letters.
package notify

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

//go:embed en.toml de.toml
var words embed.FS

//go:embed templates
var templates embed.FS

// Words is the catalogue of this package, for lang.Load.
func Words() fs.FS { return words }

// ErrPermanent marks an error that trying again cannot mend: the message itself
// is at fault, or the mail server refused its reader for good.
var ErrPermanent = errors.New("cannot be sent at all")

// Rendered is a message ready to be sent.
type Rendered struct {
	ID       string // of the message, from which the Message-ID follows
	Channel  string // "email", "sms", or "message" for a hook that knows where people read
	To       string // a bare address, or a number in E.164
	Subject  string // one line; of mail only
	Text     string
	HTML     string    // of mail only
	At       time.Time // when it was caused; the Date of the letter
	Template string
	Locale   string // that it is written in
}

// Sender hands a message over. A nil error means that somebody else is now
// answerable for it; an error that is ErrPermanent, that nobody ever will be.
type Sender interface {
	Send(ctx context.Context, r Rendered) error
}

// Later is an error of a Sender that was told when to come back.
type Later struct {
	After time.Duration
	Err   error
}

// Error is that of what went wrong.
func (e *Later) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *Later) Unwrap() error { return e.Err }

// Channels is a Sender that hands each message to the one of its channel.
type Channels map[string]Sender

// Send hands it over. A message of a channel that nobody here sends by waits:
// another server, or the next start, may know how.
func (c Channels) Send(ctx context.Context, r Rendered) error {
	s, ok := c[r.Channel]
	if !ok {
		return fmt.Errorf("notify: nothing is set up to send by %q", r.Channel)
	}
	return s.Send(ctx, r)
}

// Sink is the Sender where nothing is set up to send with: it takes everything and
// sends nothing, and the development inbox shows what it took.
type Sink struct{}

// Send takes the message.
func (Sink) Send(context.Context, Rendered) error { return nil }
