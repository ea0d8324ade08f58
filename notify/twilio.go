package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// isTwilio reports whether an id is written as Twilio writes those of one kind: two
// capitals and 32 hexadecimal digits.
func isTwilio(kind, id string) bool {
	digits, ok := strings.CutPrefix(id, kind)
	return ok && len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}

// twilioFrom matches a number in E.164, a short code, or a name that some countries allow.
const twilioFrom = `^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 +_&-]{1,11})$`

// TwilioOptions are what Twilio asks for.
type TwilioOptions struct {
	Account string // "AC…"
	Key     string // of an API key, "SK…"; "" to authenticate with the account's own token
	Secret  string // of the key, or the account's auth token
	From    string // a number, a short code or a name; or
	Service string // a messaging service, "MG…", that chooses one

	URL       string            // "" for https://api.twilio.com
	Timeout   time.Duration     // of one message; 0 for 10 s
	Transport http.RoundTripper // nil for one of our own
	Now       func() time.Time  // nil for time.Now
}

// Twilio hands text messages to Twilio (Programmable Messaging, API 2010-04-01).
type Twilio struct {
	o  TwilioOptions
	to *endpoint
}

// NewTwilio checks the options. Its errors show none of them.
func NewTwilio(o TwilioOptions) (*Twilio, error) {
	switch {
	case !isTwilio("AC", o.Account):
		return nil, errors.New("notify: Twilio's account is AC and 32 hexadecimal digits")
	case o.Key != "" && !isTwilio("SK", o.Key):
		return nil, errors.New("notify: Twilio's API key is SK and 32 hexadecimal digits, without its secret")
	case !oneWord(o.Secret):
		return nil, errors.New("notify: Twilio needs the account's auth token or the secret of an API key")
	case (o.From == "") == (o.Service == ""):
		return nil, errors.New("notify: Twilio needs either a sender or a messaging service")
	case o.From != "" && !regexp.MustCompile(twilioFrom).MatchString(o.From):
		return nil, errors.New("notify: Twilio's sender is a number such as +12125550100, a short code, or a name of 11 letters and digits at most")
	case o.Service != "" && !isTwilio("MG", o.Service):
		return nil, errors.New("notify: Twilio's messaging service is MG and 32 hexadecimal digits")
	}
	if o.URL == "" {
		o.URL = "https://api.twilio.com"
	}
	to, err := newEndpoint("Twilio", o.URL, o.Timeout, o.Transport, o.Now)
	if err != nil {
		return nil, err
	}
	to.url = to.url.JoinPath("2010-04-01", "Accounts", o.Account, "Messages.json")
	return &Twilio{o, to}, nil
}

// Send hands over one text message. It is done when Twilio has queued it; whether
// it arrives is told nobody. It is ErrPermanent when Twilio refused this message,
// such as one to a number that cannot be or that has unsubscribed.
func (t *Twilio) Send(ctx context.Context, r Rendered) error {
	if err := plainNumber(r.To); err != nil {
		return err
	}
	form := url.Values{"To": {r.To}, "Body": {r.Text}}
	if t.o.Service != "" {
		form.Set("MessagingServiceSid", t.o.Service)
	} else {
		form.Set("From", t.o.From)
	}
	answer, err := t.to.post(ctx, []byte(form.Encode()), func(q *http.Request) {
		name := t.o.Key
		if name == "" {
			name = t.o.Account
		}
		q.SetBasicAuth(name, t.o.Secret)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("Accept", "application/json")
	})
	if err == nil {
		return nil
	}
	// Its own number of the mistake says more than the status, and its sentence repeats the number written to.
	var told struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(answer, &told) == nil && told.Code > 0 {
		return fmt.Errorf("%w (its error %d)", err, told.Code)
	}
	return err
}
