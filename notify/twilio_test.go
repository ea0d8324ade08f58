package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/notify"
)

const (
	account   = "AC0123456789abcdef0123456789abcdef"
	apiKey    = "SKfedcba9876543210fedcba9876543210"
	authToken = "t0p-s3cret-auth-token"
)

// twilio answers as the documentation of the Messages resource (API 2010-04-01) says it does.
type twilio struct {
	*httptest.Server
	user string // who may send

	mu     sync.Mutex
	forms  []url.Values
	head   http.Header // of the next answer
	status int         // of the next answer; 0 for what the request deserves
	code   int
}

func startTwilio(t testing.TB, user string) *twilio {
	s := &twilio{user: user, head: http.Header{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *twilio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, values := range s.head {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	if status, code, why := s.deserves(r); status != http.StatusCreated {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{
			"code": code, "message": why, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status,
		})
		return
	}
	s.forms = append(s.forms, r.PostForm)
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(map[string]any{
		"account_sid": account, "sid": "SM0123456789abcdef0123456789abcdef", "status": "queued", "to": r.PostForm.Get("To"),
		"body": r.PostForm.Get("Body"), "error_code": nil, "error_message": nil, "num_segments": "1",
	})
}

func (s *twilio) deserves(r *http.Request) (status, code int, why string) {
	user, password, _ := r.BasicAuth()
	switch {
	case s.status != 0:
		return s.status, s.code, "The 'To' number +33612345678 with " + password + " is no good."
	case user != s.user || password != authToken:
		return 401, 20003, "Authenticate"
	case r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json":
		return 404, 20404, "The requested resource was not found"
	case r.Method != "POST":
		return 405, 20004, "Method not allowed"
	case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil:
		return 400, 21602, "Message body is required."
	case r.PostForm.Get("To") == "":
		return 400, 21604, "A 'To' phone number is required."
	case r.PostForm.Get("From") == "" && r.PostForm.Get("MessagingServiceSid") == "":
		return 400, 21603, "A 'From' phone number is required."
	case r.PostForm.Get("Body") == "":
		return 400, 21602, "Message body is required."
	case r.PostForm.Get("To") == "+33600000000":
		return 400, 21211, "Invalid 'To' Phone Number: +33600000000"
	}
	return 201, 0, ""
}

func (s *twilio) answers(status, code int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.code, s.head = status, code, http.Header{}
	if retryAfter != "" {
		s.head.Set("Retry-After", retryAfter)
	}
}

func dialTwilio(t testing.TB, change func(*notify.TwilioOptions)) *notify.Twilio {
	t.Helper()
	o := notify.TwilioOptions{
		Account: account, Secret: authToken, From: "+12125550100",
		Now: func() time.Time { return time.Date(2026, 11, 22, 2, 26, 0, 0, time.UTC) },
	}
	change(&o)
	c, err := notify.NewTwilio(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shortOne(t testing.TB) notify.Rendered {
	t.Helper()
	r, err := letters(t).Render(smsCode())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestATextMessageReachesTwilio(t *testing.T) {
	for say, c := range map[string]struct {
		user   string
		change func(*notify.TwilioOptions)
		want   url.Values
	}{
		"with the account's token": {account, func(*notify.TwilioOptions) {}, url.Values{"From": {"+12125550100"}}},
		"with an API key":          {apiKey, func(o *notify.TwilioOptions) { o.Key = apiKey }, url.Values{"From": {"+12125550100"}}},
		"through a service": {account, func(o *notify.TwilioOptions) { o.From, o.Service = "", "MG0123456789abcdef0123456789abcdef" },
			url.Values{"MessagingServiceSid": {"MG0123456789abcdef0123456789abcdef"}}},
		"under a name": {account, func(o *notify.TwilioOptions) { o.From = "Acme" }, url.Values{"From": {"Acme"}}},
	} {
		s := startTwilio(t, c.user)
		client := dialTwilio(t, func(o *notify.TwilioOptions) { o.URL = s.URL; c.change(o) })
		r := shortOne(t)
		if err := client.Send(t.Context(), r); err != nil {
			t.Errorf("%s: %v", say, err)
			continue
		}
		c.want["To"], c.want["Body"] = []string{"+33612345678"}, []string{r.Text}
		if diff := cmp.Diff([]url.Values{c.want}, s.forms); diff != "" {
			t.Errorf("%s: %s", say, diff)
		}
	}
}

func TestWhatTwilioAnswersDecidesWhatBecomesOfTheMessage(t *testing.T) {
	s := startTwilio(t, account)
	client := dialTwilio(t, func(o *notify.TwilioOptions) { o.URL = s.URL })
	for say, c := range map[string]struct {
		status, code int
		retryAfter   string
		permanent    bool
		after        time.Duration
	}{
		"an invalid number":       {400, 21211, "", true, 0},
		"somebody unsubscribed":   {400, 21610, "", true, 0},
		"a resource that is gone": {410, 0, "", true, 0},
		"a body that is too long": {413, 0, "", true, 0},
		"a wrong token":           {401, 20003, "", false, 0},
		"a suspended account":     {403, 20005, "", false, 0},
		"a wrong address":         {404, 20404, "", false, 0},
		"too many requests":       {429, 20429, "", false, 0},
		"told how long to wait":   {429, 20429, "17", false, 17 * time.Second},
		"told until when to wait": {503, 0, "Sun, 22 Nov 2026 02:28:00 GMT", false, 2 * time.Minute},
		"a date that has passed":  {503, 0, "Sun, 22 Nov 2026 02:20:00 GMT", false, 0},
		"nonsense to wait for":    {503, 0, "-5", false, 0},
		"a timeout of theirs":     {408, 0, "3", false, 3 * time.Second},
		"too early":               {425, 0, "3", false, 3 * time.Second},
		"an error of theirs":      {500, 20500, "", false, 0},
		"a gateway":               {502, 0, "", false, 0},
		"told on a refusal":       {400, 21211, "17", true, 0},
	} {
		s.answers(c.status, c.code, c.retryAfter)
		err := client.Send(t.Context(), shortOne(t))
		if err == nil || errors.Is(err, notify.ErrPermanent) != c.permanent {
			t.Errorf("%s: %v", say, err)
			continue
		}
		var later *notify.Later
		if errors.As(err, &later); c.after == 0 && later != nil && later.After != 0 || c.after != 0 && (later == nil || later.After != c.after) {
			t.Errorf("%s: comes back after %+v, want %v", say, later, c.after)
		}
		if c.code != 0 && !strings.Contains(err.Error(), fmt.Sprintf("(its error %d)", c.code)) || !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
			t.Errorf("%s: the error does not say which: %v", say, err)
		}
		noSecret(t, say, err)
	}
}

// noSecret looks for what must not be in an error.
func noSecret(t *testing.T, say string, err error) {
	t.Helper()
	for _, secret := range []string{authToken, "123456", "612345678", "hook-path-secret", "whsec_"} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
			t.Errorf("%s: the error shows %q: %v", say, secret, err)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	hits := make(chan string, 10)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hits <- r.Method }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		for say, client := range senders(t, s.URL, nil) {
			err := client.Send(t.Context(), shortOne(t))
			if err == nil || errors.Is(err, notify.ErrPermanent) || !strings.Contains(err.Error(), "redirect") {
				t.Errorf("%s, %d: %v", say, status, err)
			}
		}
		s.Close()
	}
	if len(hits) != 0 {
		t.Errorf("%d messages went elsewhere", len(hits))
	}
}

// senders are all that speak HTTP, to one address.
func senders(t testing.TB, address string, transport http.RoundTripper) map[string]notify.Sender {
	t.Helper()
	hook, err := notify.NewHook(notify.HookOptions{URL: address + "/hook-path-secret", Secrets: []string{newSecret}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]notify.Sender{
		"hook": hook, "twilio": dialTwilio(t, func(o *notify.TwilioOptions) { o.URL, o.Transport = address, transport }),
	}
}

func TestAServerThatFallsSilentIsLeftAfterTenSeconds(t *testing.T) {
	for name := range senders(t, "http://localhost:1", nil) {
		synctest.Test(t, func(t *testing.T) {
			// A connection in memory, so that the fake clock goes on while both sides wait.
			ctx, cancel := context.WithCancel(context.Background())
			transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go io.Copy(io.Discard, theirs) // reads, and answers nothing
				context.AfterFunc(ctx, func() { theirs.Close() })
				return ours, nil
			}}
			client := senders(t, "http://localhost:1", transport)[name]
			r := shortOne(t)
			start := time.Now()
			err := client.Send(t.Context(), r)
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("%s: left after %v", name, took)
			}
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, notify.ErrPermanent) {
				t.Errorf("%s: %v", name, err)
			}
			noSecret(t, name, err)
			cancel()
			transport.CloseIdleConnections()
		})
	}
}

func TestAnAnswerWithoutEndIsNotReadToTheEnd(t *testing.T) {
	var read int
	endless := transport(func(*http.Request) *http.Response {
		read = 0
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(zeros{&read})}
	})
	for say, client := range senders(t, "http://localhost:1", endless) {
		if err := client.Send(t.Context(), shortOne(t)); !errors.Is(err, notify.ErrPermanent) || read > 1<<20 {
			t.Errorf("%s: %v after %d bytes", say, err, read)
		}
	}
}

// zeros is a body that ends only after 16 MiB, and counts what is read of it.
type zeros struct{ n *int }

func (z zeros) Read(b []byte) (int, error) {
	if *z.n += len(b); *z.n > 16<<20 {
		return 0, io.EOF
	}
	return len(b), nil
}

func TestWhatCannotBeReachedWaitsAndTellsNoSecret(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewUnstartedServer(nil)
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	garbage := listen(t, "SSH-2.0-"+authToken+" 123456 hook-path-secret\r\n\r\n")
	for say, address := range map[string]string{"nobody there": closed.URL, "a certificate of its own": untrusted.URL, "no HTTP": garbage} {
		for who, client := range senders(t, address, nil) {
			err := client.Send(t.Context(), shortOne(t))
			if err == nil || errors.Is(err, notify.ErrPermanent) {
				t.Errorf("%s, %s: %v", say, who, err)
			}
			noSecret(t, say, err)
		}
	}
}

// listen answers every connection with the text, whatever was asked.
func listen(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.WriteString(c, text); io.CopyN(io.Discard, c, 10); c.Close() }()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestOnlyANumberIsTexted(t *testing.T) {
	s := startTwilio(t, account)
	client := dialTwilio(t, func(o *notify.TwilioOptions) { o.URL = s.URL })
	for _, to := range []string{"", "ada@example.com", "+19005550100", "whatsapp:+33612345678", "+33612345678&From=x"} {
		r := shortOne(t)
		r.To = to
		if err := client.Send(t.Context(), r); !errors.Is(err, notify.ErrPermanent) || len(s.forms) != 0 {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestTwiliosOptionsMustMakeSense(t *testing.T) {
	for say, change := range map[string]func(*notify.TwilioOptions){
		"no account":            func(o *notify.TwilioOptions) { o.Account = "" },
		"a path for an account": func(o *notify.TwilioOptions) { o.Account = "AC/../x" },
		"a key for an account":  func(o *notify.TwilioOptions) { o.Account = apiKey },
		"an account for a key":  func(o *notify.TwilioOptions) { o.Key = account },
		"no secret":             func(o *notify.TwilioOptions) { o.Secret = "" },
		"a secret of two lines": func(o *notify.TwilioOptions) { o.Secret = authToken + "\nX" },
		"no sender":             func(o *notify.TwilioOptions) { o.From = "" },
		"two senders":           func(o *notify.TwilioOptions) { o.Service = "MG0123456789abcdef0123456789abcdef" },
		"a sender of two lines": func(o *notify.TwilioOptions) { o.From = "Acme\nX" },
		"a wrong service":       func(o *notify.TwilioOptions) { o.From, o.Service = "", "Acme" },
		"plain HTTP":            func(o *notify.TwilioOptions) { o.URL = "http://api.twilio.com" },
		"a password in the URL": func(o *notify.TwilioOptions) { o.URL = "https://me:" + authToken + "@api.twilio.com" },
		"no URL":                func(o *notify.TwilioOptions) { o.URL = "twilio" },
	} {
		o := notify.TwilioOptions{Account: account, Secret: authToken, From: "+12125550100"}
		change(&o)
		_, err := notify.NewTwilio(o)
		if err == nil {
			t.Errorf("%s was accepted", say)
			continue
		}
		noSecret(t, say, err)
	}
}

// transport answers without a network.
type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzAnswer feeds what the other side may answer.
func FuzzAnswer(f *testing.F) {
	f.Add(400, "17", `{"code":21211,"message":"x"}`)
	f.Add(429, "Sun, 22 Nov 2026 02:28:00 GMT", "{")
	f.Add(503, "99999999999999999999", `{"code":-1}`)
	f.Add(201, "", `{"code":1e999}`)
	r := shortOne(f)
	f.Fuzz(func(t *testing.T, status int, retryAfter, body string) {
		answer := transport(func(*http.Request) *http.Response {
			return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: io.NopCloser(strings.NewReader(body))}
		})
		for who, client := range senders(t, "http://localhost:1", answer) {
			err := client.Send(t.Context(), r)
			if (err == nil) != (status >= 200 && status < 300) {
				t.Errorf("%s: %d is %v", who, status, err)
			}
			var later *notify.Later
			if errors.As(err, &later) && later.After < 0 {
				t.Errorf("%s: come back %v ago", who, later.After)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("%s: the answer is in the error: %v", who, err)
			}
		}
	})
}
