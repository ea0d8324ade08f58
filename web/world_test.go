package web_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/web"
)

const (
	ada      = "ada@example.com"
	right    = "correct horse battery staple"
	code     = "12345678"
	goodLink = "cs_lnk_good"
)

var (
	noon      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	sessionID = countersign.SessionID(ids.New("ses", noon))
	attemptID = countersign.AttemptID(ids.New("att", noon))
	adaID     = countersign.IdentityID(ids.New("idn", noon))
)

// world stands in for the processes behind the pages: one account, one open
// attempt, and the answers that the pages have to deal with. A test changes what it is about.
type world struct {
	identity countersign.Identity
	session  countersign.Session
	sessions []countersign.Session
	events   []countersign.Event
	attempt  login.Result
	started  []login.Start
	answers  []string
	asked    int
	changes  []string
	mails    []web.Mail
	link     login.Link
	security account.Security
	second   []login.Offer // what a sign-in asks for after the password
	lost     bool          // a reset may be asked for
	fresh    bool          // a proof was given a moment ago
	open     bool          // the set-up link can be used

	fail map[string]error // by the name of the call
}

func newWorld() *world {
	w := &world{open: true, fresh: true, fail: map[string]error{}, link: login.Link{Purpose: countersign.SignUp, Address: ada, Attempt: attemptID,
		Device: countersign.Device{Name: "Firefox on Windows", Network: "192.0.2.7"}, AskedAt: noon.Add(-3 * time.Minute)}}
	w.identity = countersign.Identity{ID: adaID, Kind: countersign.Person, State: countersign.Active, Name: "Ada Lovelace", CreatedAt: noon.AddDate(0, -2, 0),
		Emails: []countersign.Email{{Address: ada, Verified: true, Primary: true}, {Address: "ada@home.example"}, {Address: "countess@example.org", Verified: true}}}
	w.session = countersign.Session{ID: sessionID, Identity: adaID, AuthenticatedAt: noon.Add(-time.Hour), LastProvedAt: noon.Add(-time.Minute),
		LastSeenAt: noon, ExpiresAt: noon.AddDate(0, 1, 0), IdleExpiresAt: noon.AddDate(0, 0, 7),
		Device: countersign.Device{Name: "Chrome on a Mac", Network: "192.0.2.1", Place: "near Lyon, France"}}
	other := w.session
	other.ID, other.Device, other.LastSeenAt = countersign.SessionID(ids.New("ses", noon)), countersign.Device{Name: "Safari on an iPhone", Network: "198.51.100.23"}, noon.Add(-26*time.Hour)
	w.kept()
	w.sessions = []countersign.Session{w.session, other}
	for i, action := range []string{"session.opened", "proof.given", "email.added", "proof.refused", "credential.changed", "identity.created"} {
		e := countersign.Event{ID: "evt_" + string(rune('a'+i)), At: noon.Add(-time.Duration(i*i) * time.Hour), Action: action, Outcome: "ok", Subject: adaID,
			Device: "Chrome on a Mac", Network: "192.0.2.1"}
		if action == "proof.refused" {
			e.Outcome = "refused"
		}
		w.events = append(w.events, e)
	}
	return w
}

func (w *world) begin(p countersign.Purpose, identifier string, offers ...login.Offer) login.Result {
	w.attempt = login.Result{ID: attemptID, Purpose: p, State: countersign.NeedsEvidence, Methods: offers, Identifier: identifier, ExpiresAt: noon.Add(30 * time.Minute)}
	return w.attempt
}

func (w *world) complete() login.Result {
	r := w.attempt
	r.State, r.Methods, r.Session, r.Secret, r.Proved = countersign.Complete, nil, &w.session, "cs_ses_secret", adaID
	return r
}

func (w *world) Start(_ context.Context, by countersign.Caller, in login.Start) (login.Result, error) {
	w.started = append(w.started, in)
	if err := w.fail["start"]; err != nil {
		return login.Result{}, err
	}
	if in.Purpose == countersign.SignIn && in.Identifier == "" {
		return w.begin(in.Purpose, "", login.Offer{Method: "passkey"}), nil
	}
	if in.Purpose != countersign.StepUp && !strings.Contains(in.Identifier, "@") {
		return login.Result{}, countersign.Invalid("identifier", "invalid", "Give an address.")
	}
	toCode := login.Offer{Method: "email_code", To: "a•••@example.com", Sent: true}
	w.begin(in.Purpose, in.Identifier, toCode)
	w.attempt.ReturnTo = in.ReturnTo
	switch in.Purpose {
	case countersign.SignUp:
		if in.Evidence == nil {
			return w.attempt, nil
		}
		if !strings.Contains(string(in.Evidence), right) {
			return login.Result{}, countersign.Invalid("password", "too_short", "too short")
		}
	case countersign.SignIn, countersign.StepUp:
		if in.Evidence == nil {
			w.attempt.Methods = []login.Offer{{Method: "passkey"}, {Method: "password"}, {Method: "email_code", To: "a•••@example.com"}, {Method: "magic_link", To: "a•••@example.com"}}
			if in.Purpose == countersign.StepUp {
				w.attempt.Methods = []login.Offer{{Method: "password"}, {Method: "totp"}, {Method: "email_code", To: "a•••@example.com"}}
			}
			return w.attempt, nil
		}
		if !strings.Contains(string(in.Evidence), right) {
			return login.Result{}, countersign.NoMatch("wrong")
		}
		w.fresh = true
		return w.complete(), nil
	}
	return w.attempt, nil
}

func (w *world) State(_ context.Context, _ countersign.Caller, id countersign.AttemptID) (login.Result, error) {
	if id != w.attempt.ID {
		return login.Result{}, countersign.ErrNotFound
	}
	return w.attempt, w.fail["state"]
}

func (w *world) Ask(_ context.Context, _ countersign.Caller, _ countersign.AttemptID, method string) (login.Result, error) {
	w.asked++
	w.attempt.Methods = slices.Clone(w.attempt.Methods)
	for i, o := range w.attempt.Methods {
		w.attempt.Methods[i].Sent = o.Sent || o.Method == method && o.To != ""
	}
	r := w.attempt
	if shown := w.shown(method); shown != nil {
		r.Challenge = shown
		return r, w.fail["ask"]
	}
	if w.asked > 1 {
		r.Challenge = json.RawMessage(`{}`)
	}
	return r, w.fail["ask"]
}

func (w *world) Answer(_ context.Context, _ countersign.Caller, _ countersign.AttemptID, evidence json.RawMessage) (login.Result, error) {
	w.answers = append(w.answers, string(evidence))
	if err := w.fail["answer"]; err != nil {
		return login.Result{}, err
	}
	if !strings.Contains(string(evidence), right) && !strings.Contains(string(evidence), code) {
		return login.Result{}, countersign.NoMatch("wrong")
	}
	if w.attempt.Purpose == countersign.SignIn && w.second != nil && strings.Contains(string(evidence), right) {
		r := w.begin(countersign.SignIn, w.attempt.Identifier, w.second...)
		r.Assurance, r.Lost = login.Levels{Reached: countersign.AAL1, Required: countersign.AAL2}, w.lost
		w.attempt = r
		return r, nil
	}
	if w.attempt.Purpose == countersign.Recover && strings.Contains(string(evidence), code) {
		return w.begin(countersign.Recover, w.attempt.Identifier, login.Offer{Method: "password", Enroll: true}), nil
	}
	w.fresh = true
	return w.complete(), nil
}

func (w *world) Link(_ context.Context, token string) (login.Link, error) {
	if token != goodLink {
		return login.Link{}, countersign.ErrExpired
	}
	return w.link, nil
}

func (w *world) Follow(ctx context.Context, by countersign.Caller, token string, mine countersign.AttemptID) (login.Result, error) {
	w.changes = append(w.changes, "follow "+string(mine))
	if token != goodLink {
		return login.Result{}, countersign.ErrExpired
	}
	if w.link.Purpose == countersign.Recover {
		return w.begin(countersign.Recover, ada, login.Offer{Method: "password", Enroll: true}), nil
	}
	w.attempt.Purpose = w.link.Purpose
	r := w.complete()
	if w.link.Purpose == countersign.VerifyOwn {
		r.Secret, r.Session = "", nil
	}
	return r, nil
}

func (w *world) note(what string, sensitive bool) error {
	if sensitive && !w.fresh {
		return countersign.ErrStepUp
	}
	if err := w.fail[strings.Fields(what)[0]]; err != nil {
		return err
	}
	w.changes = append(w.changes, what)
	return nil
}

func (w *world) Show(context.Context, countersign.Caller) (countersign.Identity, error) {
	return w.identity, w.fail["show"]
}

func (w *world) Update(_ context.Context, _ countersign.Caller, p account.Patch) (countersign.Identity, error) {
	return w.identity, w.note("update "+string(must(json.Marshal(p))), false)
}
func (w *world) Delete(context.Context, countersign.Caller) error { return w.note("delete", true) }
func (w *world) Export(context.Context, countersign.Caller) (account.Export, error) {
	return account.Export{Identity: w.identity}, w.note("export", true)
}

func (w *world) AddEmail(_ context.Context, _ countersign.Caller, address string) (countersign.Email, error) {
	return countersign.Email{Address: address}, w.note("add "+address, true)
}

func (w *world) VerifyEmail(_ context.Context, _ countersign.Caller, address, typed string) (countersign.Identity, error) {
	if typed != code {
		return w.identity, countersign.NoMatch("wrong")
	}
	return w.identity, w.note("verify "+address, false)
}

func (w *world) MakePrimary(_ context.Context, _ countersign.Caller, address string) (countersign.Identity, error) {
	return w.identity, w.note("primary "+address, true)
}

func (w *world) RemoveEmail(_ context.Context, _ countersign.Caller, address string) error {
	return w.note("remove "+address, true)
}

func (w *world) Sessions(context.Context, countersign.Caller, countersign.SessionID, int) ([]countersign.Session, string, error) {
	return w.sessions, "", w.fail["sessions"]
}

func (w *world) EndSession(_ context.Context, _ countersign.Caller, id countersign.SessionID) error {
	return w.note("end "+string(id), false)
}
func (w *world) EndOthers(context.Context, countersign.Caller) error { return w.note("others", false) }
func (w *world) SignOut(context.Context, countersign.Caller) error   { return w.note("sign-out", false) }
func (w *world) Changeable() []string                                { return []string{"password"} }

func (w *world) Change(_ context.Context, _ countersign.Caller, method string, body json.RawMessage) error {
	if strings.Contains(string(body), `"current_password":"wrong"`) {
		return countersign.NoMatch("wrong")
	}
	return w.note("change "+method+" "+string(body), false)
}

func (w *world) Activity(context.Context, countersign.Caller, string, int) ([]countersign.Event, string, error) {
	return w.events, "evt_z", nil
}
func (w *world) SetupOpen(context.Context) (bool, error) { return w.open, nil }
func (w *world) SetupCheck(_ context.Context, token string) error {
	if token != goodLink || !w.open {
		return countersign.ErrExpired
	}
	return nil
}

func (w *world) Setup(_ context.Context, _ countersign.Caller, token string, in admin.New) (countersign.Identity, countersign.Session, string, error) {
	if token != goodLink {
		return countersign.Identity{}, countersign.Session{}, "", countersign.ErrExpired
	}
	if !strings.Contains(string(in.Secret), right) {
		return countersign.Identity{}, countersign.Session{}, "", countersign.Invalid("password", "too_weak", "weak")
	}
	w.open = false
	return w.identity, w.session, "cs_ses_secret", w.note("setup "+in.Email, false)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// methods are the real fragments of the real methods.
func methods() map[string]fs.FS {
	all := map[string]fs.FS{"email_code": os.DirFS("../proof/code/email"), "sms_code": os.DirFS("../proof/code/sms"), "magic_link": os.DirFS("../proof/code/link"),
		"recovery_code": os.DirFS("../proof/recovery"), "factor_reset": os.DirFS("../proof/reset")}
	for _, name := range []string{"password", "passkey", "totp", "device"} {
		all[name] = os.DirFS("../proof/" + name)
	}
	return all
}

func catalog(t testing.TB) *lang.Catalog {
	t.Helper()
	all := []fs.FS{web.Words}
	for _, f := range methods() {
		all = append(all, f)
	}
	c, err := lang.Load([]string{"en", "de"}, all...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pages serves the world over real HTTP, behind the real door.
func pages(t testing.TB, w *world, change func(*web.Server)) *httptest.Server {
	t.Helper()
	words := catalog(t)
	server := httptest.NewUnstartedServer(nil)
	public := must(url.Parse("http://" + server.Listener.Addr().String()))
	d := &door.Door{Public: public, Key: []byte(strings.Repeat("k", 32)), Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Check: func(_ context.Context, token string) (door.Known, error) {
			if token != "cs_ses_secret" {
				return door.Known{}, countersign.ErrUnauthenticated
			}
			return door.Known{Session: &w.session, Identity: &w.identity}, nil
		}}
	s := web.Server{Door: d, Words: words, Locales: []string{"en", "de"}, Attempts: w, Links: w, Profiles: w, Emails: w, Devices: w, Changes: w, Setup: w,
		Factors: w, Keepers: w, Phones: w, Resets: w, Nameless: "passkey", Remember: "devices", RememberFor: 30 * 24 * time.Hour, Reset: "factor_reset", ResetWait: 72 * time.Hour,
		Methods: methods(), Begin: []string{"password", "passkey"}, Prove: []string{"password"}, PublicURL: public, Now: func() time.Time { return noon },
		Brand:    web.Brand{Hue: 265},
		Inbox:    func(context.Context) ([]web.Mail, error) { return w.mails, w.fail["inbox"] },
		Strength: func(p string) web.Strength { return web.Strength{Score: min(len(p)/6, 4)} },
	}
	if change != nil {
		change(&s)
	}
	mux := http.NewServeMux()
	w.programs(mux)
	refuse, err := s.Mount(mux)
	if err != nil {
		t.Fatal(err)
	}
	d.Refuse = refuse
	server.Config.Handler = d.Handler(mux)
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if n := words.Missed(); n != 0 {
			t.Errorf("%d strings were asked for and are in no catalogue", n)
		}
	})
	return server
}

// countersignLink is the link of an address that is being added to an account.
func countersignLink() login.Link {
	return login.Link{Purpose: countersign.VerifyOwn, Address: "new@example.com"}
}
