package notify_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/notify"
)

const sender = "Acme <no-reply@id.example.com>"

func dial(t testing.TB, s *mailServer, url string) *notify.SMTP {
	t.Helper()
	client, err := notify.NewSMTP(url, sender)
	if err != nil {
		t.Fatal(err)
	}
	client.Roots, client.Timeout = s.roots, 5*time.Second
	return client
}

func rendered(t testing.TB) notify.Rendered {
	t.Helper()
	r, err := letters(t).Render(message("recover", map[string]string{"code": "12345678", "link": "/recover?t=1"}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestALetterArrivesOverSTARTTLS(t *testing.T) {
	s := startMailServer(t, &mailServer{auth: "PLAIN LOGIN", user: "acme", password: "p@ss/word"})
	r := rendered(t)
	client := dial(t, s, s.url("smtp", "acme:p%40ss%2Fword", ""))
	if err := client.Send(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	got := s.taken()
	if len(got) != 1 || !got[0].secure || got[0].user != "acme" {
		t.Fatalf("the server took %+v", got)
	}
	if !strings.HasPrefix(got[0].from, "MAIL FROM:<no-reply@id.example.com>") || !strings.HasPrefix(got[0].to, "RCPT TO:<ada@example.com>") {
		t.Errorf("the envelope is %q, %q", got[0].from, got[0].to)
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0].data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	head := map[string]string{"Subject": subject}
	for _, name := range []string{"From", "To", "Message-Id", "Date", "Auto-Submitted", "User-Agent", "X-Mailer"} {
		head[name] = m.Header.Get(name)
	}
	if diff := cmp.Diff(map[string]string{
		"Subject": r.Subject, "From": `"Acme" <no-reply@id.example.com>`, "To": "<ada@example.com>",
		"Message-Id": "<msg_0123456789@id.example.com>", "Date": "Sun, 22 Nov 2026 02:26:00 +0000", "Auto-Submitted": "auto-generated",
		"User-Agent": "", "X-Mailer": "",
	}, head); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"text/plain", r.Text, "text/html", r.HTML}, parts(t, m)); diff != "" {
		t.Error(diff)
	}
}

// parts reads the alternatives, each as its type and its text.
func parts(t *testing.T, m *mail.Message) []string {
	t.Helper()
	kind, options, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the letter is %q: %v", kind, err)
	}
	var found []string
	for reader := multipart.NewReader(m.Body, options["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, kind, strings.TrimRight(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")+"\n")
	}
}

func TestEveryWayToConnectAndAuthenticate(t *testing.T) {
	for say, try := range map[string]struct {
		server *mailServer
		scheme string
		query  string
		by     string
	}{
		"TLS from the first byte":        {&mailServer{implicit: true, auth: "PLAIN"}, "smtps", "", "PLAIN"},
		"LOGIN where there is no other":  {&mailServer{auth: "LOGIN"}, "smtp", "", "LOGIN"},
		"CRAM-MD5 before PLAIN":          {&mailServer{auth: "PLAIN LOGIN CRAM-MD5"}, "smtp", "", "CRAM-MD5"},
		"SCRAM before all others":        {&mailServer{auth: "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"}, "smtp", "", "SCRAM-SHA-256"},
		"no TLS on this machine, PLAIN":  {&mailServer{plainOnly: true, auth: "PLAIN"}, "smtp", "?insecure_tls=none", "PLAIN"},
		"no TLS on this machine, LOGIN":  {&mailServer{plainOnly: true, auth: "LOGIN"}, "smtp", "?insecure_tls=none", "LOGIN"},
		"no TLS, said for the network":   {&mailServer{plainOnly: true, auth: "PLAIN"}, "smtp", "?insecure_tls=none-over-the-network", "PLAIN"},
		"no TLS although it is on offer": {&mailServer{}, "smtp", "?insecure_tls=none", ""},
	} {
		t.Run(say, func(t *testing.T) {
			server, user := try.server, ""
			if server.auth != "" {
				server.user, server.password, user = "acme", "secret", "acme:secret"
			}
			startMailServer(t, server)
			if err := dial(t, server, server.url(try.scheme, user, try.query)).Send(t.Context(), rendered(t)); err != nil {
				t.Fatal(err)
			}
			if got := server.taken(); len(got) != 1 || got[0].mechanism != try.by || got[0].secure != (try.query == "") {
				t.Errorf("the server took %+v", got)
			}
		})
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	stripped := startMailServer(t, &mailServer{plainOnly: true, auth: "PLAIN", user: "acme", password: "secret"})
	client := dial(t, stripped, stripped.url("smtp", "acme:secret", ""))
	if err := client.Send(t.Context(), rendered(t)); err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("STARTTLS was stripped: got %v, want an error that may pass", err)
	}
	stranger := startMailServer(t, &mailServer{})
	client = dial(t, stranger, stranger.url("smtp", "", ""))
	client.Roots = nil // of the system, which does not know this server
	if err := client.Send(t.Context(), rendered(t)); err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a stranger's certificate: got %v, want an error that may pass", err)
	}
	if got := append(stripped.taken(), stranger.taken()...); len(got) > 0 {
		t.Errorf("letters went out: %+v", got)
	}
}

func TestWhichErrorsArePermanent(t *testing.T) {
	for _, try := range []struct {
		say       string
		script    map[string][]string
		permanent bool
	}{
		{"the reader is unknown", map[string][]string{"RCPT": {"550 5.1.1 no such user"}}, true},
		{"the reader is over quota", map[string][]string{"RCPT": {"452 4.2.2 mailbox full"}}, false},
		{"the reader needs us to authenticate", map[string][]string{"RCPT": {"530 5.7.0 authenticate first"}}, false},
		{"the letter is refused", map[string][]string{"DOT": {"554 5.7.1 looks like spam"}}, true},
		{"the letter may come later", map[string][]string{"DOT": {"451 4.7.1 greylisted"}}, false},
		{"no letters now", map[string][]string{"DATA": {"421 4.3.2 shutting down"}}, false},
		{"the sender is refused", map[string][]string{"MAIL": {"550 5.7.1 not from you"}}, false},
		{"the line is cut in the greeting", map[string][]string{"EHLO": {"cut"}}, false},
		{"the line is cut at the reader", map[string][]string{"RCPT": {"cut"}}, false},
		{"the line is cut in the letter", map[string][]string{"MIDDLE": {"cut"}}, false},
		{"the line is cut after the letter", map[string][]string{"AFTER": {"cut"}}, false},
	} {
		s := startMailServer(t, &mailServer{script: try.script})
		err := dial(t, s, s.url("smtp", "", "")).Send(t.Context(), rendered(t))
		if err == nil || errors.Is(err, notify.ErrPermanent) != try.permanent {
			t.Errorf("%s: got %v, permanent should be %t", try.say, err, try.permanent)
		}
	}
}

func TestALetterThatWasTakenIsSentEvenIfTheEndGoesWrong(t *testing.T) {
	for _, command := range []string{"RSET", "QUIT"} {
		s := startMailServer(t, &mailServer{script: map[string][]string{command: {"cut"}}})
		if err := dial(t, s, s.url("smtp", "", "")).Send(t.Context(), rendered(t)); err != nil {
			t.Errorf("the line was cut at %s: %v", command, err)
		}
		if n := len(s.taken()); n != 1 {
			t.Errorf("%d letters were taken", n)
		}
	}
}

func TestAWrongPasswordConcernsTheOperatorNotTheLetter(t *testing.T) {
	s := startMailServer(t, &mailServer{auth: "PLAIN", user: "acme", password: "secret"})
	client := dial(t, s, s.url("smtp", "acme:hunter2", ""))
	for say, err := range map[string]error{"send": client.Send(t.Context(), rendered(t)), "probe": client.Probe(t.Context())} {
		if err == nil || errors.Is(err, notify.ErrPermanent) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", say, err)
		}
	}
}

func TestAProbeSendsNothing(t *testing.T) {
	s := startMailServer(t, &mailServer{auth: "PLAIN", user: "acme", password: "secret"})
	if err := dial(t, s, s.url("smtp", "acme:secret", "")).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(s.taken()); n != 0 {
		t.Errorf("%d letters went out", n)
	}
}

func TestASilentServerIsLeftWhenToldToStop(t *testing.T) {
	s := startMailServer(t, &mailServer{script: map[string][]string{"MAIL": {"stall"}}})
	client := dial(t, s, s.url("smtp", "", ""))
	client.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- client.Send(ctx, rendered(t)) }()
	<-s.stalled
	cancel()
	if err := <-done; err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("got %v, want an error that may pass", err)
	}
}

func TestASilentServerIsLeftAfterTheTimeout(t *testing.T) {
	s := startMailServer(t, &mailServer{script: map[string][]string{"MAIL": {"stall"}}})
	client := dial(t, s, s.url("smtp", "", ""))
	client.Timeout = 300 * time.Millisecond
	if err := client.Send(t.Context(), rendered(t)); err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("got %v, want an error that may pass", err)
	}
}

func TestBrokenHeadersNeverReachTheWire(t *testing.T) {
	s := startMailServer(t, &mailServer{})
	client := dial(t, s, s.url("smtp", "", ""))
	for say, change := range map[string]func(*notify.Rendered){
		"a header in the address": func(r *notify.Rendered) { r.To = "ada@example.com\r\nBcc: all@example.com" },
		"a command in it":         func(r *notify.Rendered) { r.To = "ada@example.com>\r\nRCPT TO:<eve@example.com" },
		"a name for the reader":   func(r *notify.Rendered) { r.To = "Eve <ada@example.com>" },
		"two readers":             func(r *notify.Rendered) { r.To = "ada@example.com,eve@example.com" },
		"a header in the subject": func(r *notify.Rendered) { r.Subject = "Hello\r\nBcc: all@example.com" },
		"no subject":              func(r *notify.Rendered) { r.Subject = "" },
		"a header in the id":      func(r *notify.Rendered) { r.ID = "msg_1>\r\nBcc: all@example.com" },
		"no id":                   func(r *notify.Rendered) { r.ID = "" },
	} {
		r := rendered(t)
		change(&r)
		if err := client.Send(t.Context(), r); !errors.Is(err, notify.ErrPermanent) {
			t.Errorf("%s: got %v", say, err)
		}
	}
	if got := s.taken(); len(got) > 0 {
		t.Errorf("letters went out: %+v", got)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for _, url := range []string{
		"", "mail.example.com:587", "http://secret@mail.example.com", "smtp://", "smtp://:587", "smtp://mail.example.com/path", "smtp://mail.example.com#x",
		"smtp://mail.example.com:0", "smtp://mail.example.com:99999", "smtp://acme@mail.example.com", "smtp://:secret@mail.example.com",
		"smtp://acme:sec ret@mail.example.com", "smtp://acme:sec#ret@mail.example.com", "smtp://acme:secret@mail.example.com?tls=none",
		"smtp://acme:secret@mail.example.com?insecure_tls=none", "smtp://acme:secret@10.0.0.1?insecure_tls=none",
		"smtp://acme:secret@127.0.0.1.example.com?insecure_tls=none", "smtp://acme:secret@localhost?insecure_tls=yes",
		"smtp://acme:secret@localhost?insecure_tls=", "smtps://acme:secret@localhost?insecure_tls=none",
		"smtp://acme:secret@localhost?insecure_tls=none&insecure_tls=none", "smtp://acme:secret@localhost?%zz",
	} {
		_, err := notify.NewSMTP(url, sender)
		if err == nil {
			t.Errorf("%q was accepted", url)
		} else if strings.Contains(err.Error(), "sec") && !strings.Contains(err.Error(), "insecure") {
			t.Errorf("%q: the error shows a secret: %v", url, err)
		}
	}
	for _, from := range []string{"", "Acme", "no-reply@", "Acme\r\nBcc: x <a@example.com>", "a@example.com, b@example.com"} {
		if _, err := notify.NewSMTP("smtp://localhost", from); err == nil {
			t.Errorf("the sender %q was accepted", from)
		}
	}
}

// FuzzNewSMTP looks for a URL that panics, or one that gets its password into an error.
func FuzzNewSMTP(f *testing.F) {
	for _, seed := range []string{"smtp://a:b@localhost:25?insecure_tls=none", "smtps://[::1]:465", "smtp://%zz", "smtp://a:b@h:p", "//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		const secret = "hunter2hunter2"
		if _, err := notify.NewSMTP(strings.ReplaceAll(url, "b@", secret+"@"), sender); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", url, err)
		}
	})
}
