package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/login"
)

// house is the door with small processes of our own behind it. It notes which
// actions were reached: what the door refuses must reach none.
type house struct {
	http.Handler
	api     *API
	replies *shelf
	log     *strings.Builder

	mu      sync.Mutex
	reached []string
	started login.Start
	fail    error // what the next actions say
	result  login.Result
	shown   string // what adding one answers, instead of the usual
}

const (
	goodToken = "cs_ses_good"
	adaID     = countersign.IdentityID("idn_01jd9q3v8m0e2c4g6k8n0r2t4w6y8a0b")
)

func (h *house) note(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached = append(h.reached, name)
	return h.fail
}

func (h *house) calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.reached)
}

func newHouse(t testing.TB, change ...func(*door.Door)) *house {
	t.Helper()
	public, err := url.Parse("https://id.example.com")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{log: &strings.Builder{}, result: openAttempt().Result}
	whoJSON, err := json.Marshal(sampleWho())
	if err != nil {
		t.Fatal(err)
	}
	known := door.Known{Session: ptr(sampleSession()), Identity: ptr(sampleIdentity()), JSON: append(whoJSON, '\n')}
	d := &door.Door{Public: public, Programs: "/v1/", Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Key: []byte(strings.Repeat("k", 32)),
		Now: func() time.Time { return sampleTime }, Log: slog.New(slog.NewTextHandler(&quiet{w: h.log}, nil)),
		Check: func(_ context.Context, token string) (door.Known, error) {
			switch token {
			case goodToken:
				return known, nil
			case "cs_ses_down":
				return door.Known{}, countersign.ErrOverloaded
			}
			return door.Known{}, countersign.ErrUnauthenticated
		}}
	for _, c := range change {
		c(d)
	}
	h.replies = &shelf{kept: map[string]*note{}}
	h.api = &API{Door: d, ReturnTo: []string{"https://app.example.com"}, Key: d.Key, Login: h, Resets: h, Account: h.account(), Admin: h.admin(), Replies: h.replies.replies(),
		Shapes: map[string]Shape{"password": {Evidence: json.RawMessage(`{"method":"password","password":"correct horse battery staple"}`),
			Change: json.RawMessage(`{"current_password":"correct horse battery staple","new_password":"eleven green bottles"}`)},
			"token": {Add: json.RawMessage(`{"name":"Desk"}`), Added: json.RawMessage(`{"id":"crd_01jd9q3v8m3e5g7j9k1n3q5s7v9x1z3b","secret":"JBSWY3DP"}`),
				Options: json.RawMessage(`{"id":"crd_01jd9q3v8m3e5g7j9k1n3q5s7v9x1z3b","secret":"JBSWY3DP"}`), Confirm: json.RawMessage(`{"code":"123456"}`), Detail: json.RawMessage(`{"kind":"round"}`)}}}
	d.Refuse = h.api.Explain
	mux := http.NewServeMux()
	h.api.Mount(mux)
	h.Handler = d.Handler(mux)
	return h
}

// quiet is a log that many goroutines may write.
type quiet struct {
	mu sync.Mutex
	w  io.Writer
}

func (q *quiet) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.w.Write(b)
}

func (h *house) Start(_ context.Context, _ countersign.Caller, in login.Start) (login.Result, error) {
	h.mu.Lock()
	h.started = in
	h.mu.Unlock()
	return h.result, h.note("start")
}

func (h *house) State(context.Context, countersign.Caller, countersign.AttemptID) (login.Result, error) {
	return h.result, h.note("state")
}

func (h *house) Ask(context.Context, countersign.Caller, countersign.AttemptID, string) (login.Result, error) {
	return h.result, h.note("ask")
}

func (h *house) Answer(_ context.Context, _ countersign.Caller, _ countersign.AttemptID, e json.RawMessage) (login.Result, error) {
	if strings.Contains(string(e), "panic") {
		panic("secret-in-a-panic")
	}
	return h.result, h.note("answer")
}

func (h *house) BeginReset(context.Context, countersign.Caller, countersign.AttemptID) (login.Result, error) {
	return h.result, h.note("begin reset")
}

func (h *house) CancelReset(_ context.Context, _ countersign.Caller, token string) error {
	return h.note("cancel reset " + token)
}

func (h *house) account() Account {
	a := h.profile()
	h.kept(&a)
	return a
}

func (h *house) profile() Account {
	ada := func(name string) (countersign.Identity, error) { return sampleIdentity(), h.note(name) }
	return Account{
		Show: func(context.Context, countersign.Caller) (countersign.Identity, error) { return ada("show") },
		Update: func(_ context.Context, _ countersign.Caller, p account.Patch) (countersign.Identity, error) {
			return ada("update")
		},
		Delete: func(context.Context, countersign.Caller) error { return h.note("delete") },
		Export: func(context.Context, countersign.Caller) (account.Export, error) {
			return sampleExport(), h.note("export")
		},
		AddEmail: func(_ context.Context, _ countersign.Caller, a string) (countersign.Email, error) {
			return countersign.Email{Address: a}, h.note("add email")
		},
		VerifyEmail: func(context.Context, countersign.Caller, string, string) (countersign.Identity, error) {
			return ada("verify email")
		},
		MakePrimary: func(context.Context, countersign.Caller, string) (countersign.Identity, error) {
			return ada("make primary")
		},
		RemoveEmail: func(context.Context, countersign.Caller, string) error { return h.note("remove email") },
		Changeable:  func() []string { return []string{"password"} },
		Change: func(_ context.Context, _ countersign.Caller, _ string, _ json.RawMessage) error {
			return h.note("change")
		},
		Sessions: func(context.Context, countersign.Caller, countersign.SessionID, int) ([]countersign.Session, string, error) {
			return []countersign.Session{sampleSession()}, string(sampleSession().ID), h.note("sessions")
		},
		EndSession: func(context.Context, countersign.Caller, countersign.SessionID) error { return h.note("end session") },
		EndOthers:  func(context.Context, countersign.Caller) error { return h.note("end others") },
		SignOut:    func(context.Context, countersign.Caller) error { return h.note("sign out") },
		Activity: func(context.Context, countersign.Caller, string, int) ([]countersign.Event, string, error) {
			return nil, "", h.note("activity")
		},
	}
}

func (h *house) admin() Admin {
	ada := func(name string) (countersign.Identity, error) { return sampleIdentity(), h.note(name) }
	return Admin{
		List: func(context.Context, countersign.Caller, countersign.IdentityFilter, countersign.IdentityID, int) ([]countersign.Identity, string, error) {
			return []countersign.Identity{sampleIdentity()}, "", h.note("list")
		},
		Show: func(context.Context, countersign.Caller, countersign.IdentityID) (countersign.Identity, error) {
			return ada("admin show")
		},
		Add: func(context.Context, countersign.Caller, admin.New) (countersign.Identity, error) { return ada("add") },
		Patch: func(context.Context, countersign.Caller, countersign.IdentityID, admin.Patch) (countersign.Identity, error) {
			return ada("patch")
		},
		Delete: func(context.Context, countersign.Caller, countersign.IdentityID) error { return h.note("admin delete") },
		Sessions: func(context.Context, countersign.Caller, countersign.IdentityID, countersign.SessionID, int) ([]countersign.Session, string, error) {
			return nil, "", h.note("admin sessions")
		},
		EndSessions: func(context.Context, countersign.Caller, countersign.IdentityID, countersign.SessionID) error {
			return h.note("admin end sessions")
		},
		Factors: func(context.Context, countersign.Caller, countersign.IdentityID) ([]admin.Factor, error) {
			return []admin.Factor{sampleAdminFactor()}, h.note("admin factors")
		},
		ResetFactors: func(_ context.Context, _ countersign.Caller, _ countersign.IdentityID, reason string) error {
			return h.note("reset factors " + reason)
		},
		Events: func(context.Context, countersign.Caller, countersign.EventFilter, string, int) ([]countersign.Event, string, error) {
			return []countersign.Event{sampleEvent()}, "", h.note("events")
		},
	}
}

// shelf keeps replies the way the store does.
type shelf struct {
	mu   sync.Mutex
	kept map[string]*note
}

type note struct{ request, answer []byte }

func (s *shelf) replies() Replies {
	return Replies{Reserve: s.reserve,
		Keep: func(_ context.Context, key string, answer []byte) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.kept[key].answer = answer
			return nil
		},
		Drop: func(_ context.Context, key string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.kept, key)
			return nil
		}}
}

func (s *shelf) reserve(_ context.Context, key string, request []byte, _ time.Duration) ([]byte, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.kept[key]
	switch {
	case have == nil:
		s.kept[key] = &note{request: request}
		return nil, "new", nil
	case string(have.request) != string(request):
		return nil, "else", nil
	case have.answer == nil:
		return nil, "busy", nil
	}
	return have.answer, "kept", nil
}

// ask sends one request as a program of the same host would.
func (h *house) ask(t testing.TB, method, target, body string, head ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	r.URL, r.Host, r.RemoteAddr = u, "id.example.com", "192.0.2.7:4711"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(head); i += 2 {
		switch head[i] {
		case "Host":
			r.Host = head[i+1]
		case "Peer":
			r.RemoteAddr = head[i+1]
		case "Content-Type":
			r.Header.Set(head[i], head[i+1])
		default:
			r.Header.Add(head[i], head[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var signedIn = []string{"Authorization", "Bearer " + goodToken}

func ptr[T any](v T) *T { return &v }
