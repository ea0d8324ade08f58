// Package notify tells people things by mail: it turns messages of the outbox
// into letters in the reader's language and hands them to a mail server until
// one has been taken.
//
// It owns the words and looks of every mail, the conversation with the mail
// server and the worker that empties the outbox. It does not own the outbox
// itself: a message is stored in the transaction that causes it, by the store,
// and this package only learns of it afterwards.
//
// Promises. A message is sent once for each cause, or tried for three days. A
// server that is killed between sending and noting it sends again, under the
// same Message-ID, by which mail systems recognise the copy: that is as near to
// "exactly once" as SMTP (RFC 5321 section 6.1) lets anyone come.
//
// No mail greets its reader by name. A sign-up form lets strangers choose a
// name for an address that is not theirs, and so would let them write letters.
package notify

import (
	"context"
	"embed"
	"errors"
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
	ID      string // of the message, from which the Message-ID follows
	Channel string // "email"
	To      string // a bare address
	Subject string // one line
	Text    string
	HTML    string
	At      time.Time // when it was caused; the Date of the letter
}

// Sender hands a message over. A nil error means that somebody else is now
// answerable for it; an error that is ErrPermanent, that nobody ever will be.
type Sender interface {
	Send(ctx context.Context, r Rendered) error
}

// Sink is the Sender where no mail server is set up: it takes everything and
// sends nothing, and the development inbox shows what it took.
type Sink struct{}

// Send takes the message.
func (Sink) Send(context.Context, Rendered) error { return nil }
