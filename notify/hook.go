package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// HookOptions say where messages are posted to.
type HookOptions struct {
	URL     string   // https, or http on this machine
	Secrets []string // "whsec_" and base64 of 24 to 64 bytes; several while one takes the place of another

	Timeout   time.Duration     // of one message; 0 for 10 s
	Transport http.RoundTripper // nil for one of our own
	Now       func() time.Time  // nil for time.Now
}

// Hook hands messages of any channel to a program of the operator's, which knows
// a provider that we do not. It posts JSON, signed as Standard Webhooks 1.0.0
// says (headers webhook-id, webhook-timestamp and webhook-signature). The id is that of the
// message and stays the same when it is tried again, so that the other side can
// leave out what it has sent already.
type Hook struct {
	to   *endpoint
	keys [][]byte
}

// posted is the body.
type posted struct {
	ID       string `json:"id"`
	Channel  string `json:"channel"`
	To       string `json:"to"`
	Template string `json:"template"`
	Locale   string `json:"locale"`
	Subject  string `json:"subject,omitempty"` // of mail
	Text     string `json:"text"`
	HTML     string `json:"html,omitempty"` // of mail
}

// NewHook checks the options. Its errors show none of them.
func NewHook(o HookOptions) (*Hook, error) {
	to, err := newEndpoint("the hook", o.URL, o.Timeout, o.Transport, o.Now)
	if err != nil {
		return nil, err
	}
	h := &Hook{to: to}
	for _, s := range o.Secrets {
		encoded, marked := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !marked || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New("notify: a secret of the hook is whsec_ and the base64 of 24 to 64 random bytes")
		}
		h.keys = append(h.keys, key)
	}
	if len(h.keys) == 0 {
		return nil, errors.New("notify: the hook needs a secret, so that the other side knows who writes")
	}
	return h, nil
}

// Send posts one message. It is done when the answer is a 2xx; it is ErrPermanent
// when the answer is a 4xx that speaks of this message.
func (h *Hook) Send(ctx context.Context, r Rendered) error {
	if !oneWord(r.ID) || strings.Contains(r.ID, ".") {
		return fmt.Errorf("notify: a message id that cannot be signed: %w", ErrPermanent)
	}
	body, err := json.Marshal(posted{r.ID, r.Channel, r.To, r.Template, r.Locale, r.Subject, r.Text, r.HTML})
	if err != nil {
		return fmt.Errorf("notify: write %s for the hook: %w", r.Template, err)
	}
	at := strconv.FormatInt(h.to.now().Unix(), 10)
	_, err = h.to.post(ctx, body, func(q *http.Request) {
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("webhook-id", r.ID)
		q.Header.Set("webhook-timestamp", at)
		q.Header.Set("webhook-signature", h.sign(r.ID, at, body))
	})
	return err
}

// sign makes one signature with each secret, the newest first.
func (h *Hook) sign(id, at string, body []byte) string {
	var all []string
	for _, key := range h.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}
