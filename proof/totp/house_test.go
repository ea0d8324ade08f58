package totp_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/proof/totp"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// step of a code; life is how long one is good that is shown in the first
// second of its step: that step and the one after it.
const (
	step = 30 * time.Second
	life = 2 * step
)

// house is a login process over SQLite in which only this method proves.
type house struct {
	*testing.T
	*login.Process
	db      *store.DB
	at      time.Time
	secrets map[string]string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, at: noon(), secrets: map[string]string{}}
	now := func() time.Time { return h.at }
	db, err := store.Open(t.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Keys: [][]byte{make([]byte, 32)}, Node: "test", Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.db = db
	m := newMethod(now)
	h.Process = &login.Process{
		Methods:  map[string]countersign.Method{m.Name(): m},
		Policies: map[countersign.Purpose]countersign.Policy{countersign.SignIn: {Offer: []string{m.Name()}}},
		Store:    db, Challenges: db, Counter: db, Life: time.Hour, Now: now,
		Sessions:   session.New(db, session.Options{Absolute: 24 * time.Hour, Idle: time.Hour, Now: now}),
		SafeReturn: func(string) (string, bool) { return "", false },
	}
	for _, who := range []string{refusals.Ada, refusals.Eve} {
		id := countersign.IdentityID(ids.New("idn", h.at))
		made, key := enrolled(t, m, countersign.Subject{Identity: id, Address: who}, h.at.Add(-time.Hour))
		made.ID = countersign.CredentialID(ids.New("crd", h.at))
		h.secrets[who] = key
		h.apply(&countersign.Change{Credentials: []countersign.Credential{made}, Identity: &countersign.Identity{
			ID: id, Kind: countersign.Person, State: countersign.Active, Metadata: []byte("{}"), CreatedAt: h.at,
			Emails: []countersign.Email{{Address: who, Verified: true, Primary: true}},
		}})
	}
	return h
}

func (h *house) apply(c *countersign.Change) {
	h.Helper()
	c.Events = []countersign.Event{{ID: ids.New("evt", h.at), At: h.at, Action: "test", Outcome: "ok"}}
	if err := h.db.Apply(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

// Begin starts a sign-in in the first second of a new step, for the code of
// the one before may be used up.
func (h *house) Begin(who string) (countersign.AttemptID, json.RawMessage) {
	h.Helper()
	h.at = h.at.Truncate(step).Add(step)
	r, err := h.Start(h.Context(), countersign.Caller{}, login.Start{Purpose: countersign.SignIn, Identifier: who})
	if err != nil {
		h.Fatal(err)
	}
	return r.ID, shows(app(h.T, h.secrets[who], h.at))
}

func (h *house) Answer(id countersign.AttemptID, answer json.RawMessage) (string, error) {
	r, err := h.Process.Answer(h.Context(), countersign.Caller{}, id, answer)
	return r.Secret, err
}

func (h *house) Disable(who string) {
	h.Helper()
	i, _, err := h.db.FindSubject(h.Context(), "email", who)
	if err != nil {
		h.Fatal(err)
	}
	i.State = countersign.Disabled
	h.apply(&countersign.Change{Identity: &i})
}

func (h *house) Pass(d time.Duration) { h.at = h.at.Add(d) }

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newMethod(now func() time.Time) *totp.Method {
	return totp.New(totp.Options{Issuer: "Acme: Staff & Co", Now: now})
}

// shows is the evidence of a code.
func shows(code string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "totp", "code": code})
	return b
}

// app is what an authenticator app shows: RFC 6238 once more, from its text.
func app(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal("the secret that is shown is not base32")
	}
	h := hmac.New(sha1.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := h.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", (uint32(sum[o]&127)<<24|uint32(sum[o+1])<<16|uint32(sum[o+2])<<8|uint32(sum[o+3]))%1_000_000)
}

// prepared is what Prepare shows, read as a program would.
type prepared struct {
	countersign.Challenge
	Secret  string    `json:"secret"`
	URI     string    `json:"uri"`
	Drawing string    `json:"qr_svg"`
	Expires time.Time `json:"expires_at"`
}

func prepare(t testing.TB, m *totp.Method, s countersign.Subject) prepared {
	t.Helper()
	c, err := m.Prepare(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p := prepared{Challenge: c}
	if err := json.Unmarshal(c.Show, &p); err != nil {
		t.Fatal(err)
	}
	p.Challenge = c
	return p
}

// enrolled sets an app up at a time, and gives its secret.
func enrolled(t testing.TB, m *totp.Method, s countersign.Subject, at time.Time) (countersign.Credential, string) {
	t.Helper()
	earlier := newMethod(func() time.Time { return at })
	p := prepare(t, m, s)
	made, err := earlier.Enroll(t.Context(), s, countersign.Evidence{Asked: p.Keep, Answer: shows(app(t, p.Secret, at))})
	if err != nil {
		t.Fatal(err)
	}
	made.ID = countersign.CredentialID("crd_" + p.Secret[:4])
	return made, p.Secret
}

// Each of the many is checked against the same stored step; the credential's
// version lets one of them use it up.
func TestOneCodeShownManyTimesAtOnceProvesOnce(t *testing.T) {
	h := newHouse(t)
	const many = 20
	var attempts []countersign.AttemptID
	var right json.RawMessage
	for range many {
		id, code := h.Begin(refusals.Ada)
		attempts, right = append(attempts, id), code
	}
	opened := make(chan bool, many)
	for _, id := range attempts {
		go func() {
			token, err := h.Answer(id, right)
			if err != nil && !errors.Is(err, countersign.ErrNoMatch) {
				t.Errorf("too late is called %v", err)
			}
			opened <- token != ""
		}()
	}
	n := 0
	for range many {
		if <-opened {
			n++
		}
	}
	if n != 1 {
		t.Errorf("one code opened %d sessions", n)
	}
}
