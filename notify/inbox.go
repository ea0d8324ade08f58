package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
)

// Item is one letter in the development inbox, as its JSON shows it.
type Item struct {
	Channel string    `json:"channel"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	SentAt  time.Time `json:"sent_at"`
}

// Inbox shows what the Sink took. It keeps nothing: each look reads the outbox
// and renders again, so that two servers show the same and a restart forgets nothing.
//
// Whoever sees it can answer every code, so the wiring serves it only while no
// mail server is set up and the public URL is loopback.
type Inbox struct {
	Letters *Letters
	Outbox  interface {
		// Inbox lists sent messages with their data, newest first.
		Inbox(ctx context.Context, limit int) ([]countersign.Message, error)
	}
}

// Items lists the newest letters, at most limit. A message that cannot become a
// letter is left out; the worker has said why.
func (i Inbox) Items(ctx context.Context, limit int) ([]Item, error) {
	messages, err := i.Outbox.Inbox(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("notify: read inbox: %w", err)
	}
	items := []Item{}
	for _, m := range messages {
		r, err := i.Letters.Render(m)
		if err != nil {
			continue
		}
		if r.Subject == "" { // a text message has none, and a list needs something to call it by
			r.Subject, _, _ = strings.Cut(r.Text, "\n")
		}
		items = append(items, Item{Channel: r.Channel, To: r.To, Subject: r.Subject, Text: r.Text, HTML: r.HTML, SentAt: m.SentAt.UTC()})
	}
	return items, nil
}
