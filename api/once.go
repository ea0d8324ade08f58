package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

const (
	// replyLife is how long an answer is kept for a caller that asks again.
	replyLife = 24 * time.Hour
	// secretLife is the same where the answer may hold a secret, such as a session
	// token or recovery codes: long enough for an answer that was lost on the way, and no longer.
	secretLife = 10 * time.Minute
)

// idempotencyKey returns the key of a write, "" for none: 1 to 255 visible
// characters, once (draft-ietf-httpapi-idempotency-key-header).
func idempotencyKey(r *http.Request) (string, error) {
	sent := r.Header["Idempotency-Key"]
	if len(sent) == 0 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "", nil
	}
	if len(sent) > 1 {
		return "", countersign.Invalid("idempotency-key", "duplicate", "The Idempotency-Key header was sent twice.")
	}
	if sent[0] == "" || len(sent[0]) > 255 {
		return "", countersign.Invalid("idempotency-key", "malformed", "The Idempotency-Key must have 1 to 255 characters.")
	}
	for i := range len(sent[0]) {
		if c := sent[0][i]; c <= 0x20 || c >= 0x7f {
			return "", countersign.Invalid("idempotency-key", "malformed", "The Idempotency-Key holds characters that it cannot hold.")
		}
	}
	return sent[0], nil
}

// once does a request at most once for its key and gives the same answer to
// whoever asks again. A key belongs to its caller (a stranger is its address)
// and its route, so nobody learns another's answer; the fingerprint of the body
// is keyed, because a body may hold a password and a plain hash of one can be guessed.
func (a *API) once(r *http.Request, rt *route, by countersign.Caller, key string, body []byte, do func() *reply) *reply {
	who := string(by.Identity.ID) + "\x00" + string(by.Session.ID)
	if by.Session.ID == "" {
		who = by.From.String()
	}
	name := a.fingerprint("key", who, r.Method, r.URL.Path, r.URL.RawQuery, key)
	stored := base64.RawURLEncoding.EncodeToString(name)
	life := replyLife
	if rt.secret {
		life = secretLife
	}
	kept, state, err := a.Replies.Reserve(r.Context(), stored, a.fingerprint("body", string(body)), life)
	switch {
	case err != nil:
		return a.refusal(r, err)
	case state == "kept":
		return a.again(r, kept)
	case state == "busy":
		return a.refusal(r, &countersign.Error{Code: countersign.ErrConflict.Code, RetryAfter: time.Second, Detail: "A request with this Idempotency-Key is being done."})
	case state != "new":
		return a.refusal(r, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This Idempotency-Key was used for another request."})
	}
	var answer []byte
	defer func() { a.settle(r, stored, answer) }() // also when the action panics
	p := do()
	// Failures of the moment are worth trying again; a stranger's mistakes change
	// nothing, so repeating them does no harm and keeping them would cost a row each.
	if p.Status < 500 && p.Status != http.StatusTooManyRequests && (by.Session.ID != "" || p.Status < 400) {
		if answer, err = json.Marshal(p); err != nil {
			return a.refusal(r, err)
		}
	}
	return p
}

// again gives the answer that was kept. Its request id is the new request's.
func (a *API) again(r *http.Request, kept []byte) *reply {
	var p reply
	if err := json.Unmarshal(kept, &p); err != nil {
		return a.refusal(r, err)
	}
	p.Head["Idempotent-Replayed"] = []string{"true"}
	return &p
}

// settle keeps the answer, or gives the key back for want of one. A caller that
// has gone away does not stop it.
func (a *API) settle(r *http.Request, key string, answer []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
	defer cancel()
	var err error
	if answer != nil {
		err = a.Replies.Keep(ctx, key, answer)
	} else if a.Replies.Drop != nil {
		err = a.Replies.Drop(ctx, key)
	}
	if err != nil {
		a.Door.Explain(r, err) // for the log: the answer itself stands
	}
}

// fingerprint is keyed and bound to this one use of the key.
func (a *API) fingerprint(parts ...string) []byte {
	mac := hmac.New(sha256.New, a.Key)
	for _, part := range append([]string{"countersign idempotency 1"}, parts...) {
		sum := sha256.Sum256([]byte(part)) // of one length each, so that no two lists of parts run together
		mac.Write(sum[:])
	}
	return mac.Sum(nil)
}
