// Package countersigntest runs a whole server inside a test: real HTTP on
// loopback, a real database, a clock that the test can move on and a post office
// that keeps every letter. Nothing in it is a mock; hashes are only cheaper.
package countersigntest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

// Options change how the server is set up. The zero value is good.
type Options struct {
	Set  []string  // settings, as for --set
	Data string    // the data folder; empty for a new one
	Log  io.Writer // where log lines go; nil for nowhere
}

// Server is a running server. It stops when the test ends.
type Server struct {
	*server.Server
	URL  string // public address
	Data string // data folder

	t      testing.TB
	offset atomic.Int64 // of the clock, in nanoseconds
	stop   func()
}

// New starts a server.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, Data: o.Data, URL: fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)}
	if s.Data == "" {
		s.Data = t.TempDir()
	}
	set := append([]string{
		"server.public_url=" + s.URL, "operations.listen=", "password.hash.memory_kib=8192", "password.hash.time=1",
		"password.queue_wait=30s", "password.queue=4096",
		"limits.sign_up_per_network=100000/1h", "limits.send_per_network=100000/1h", "limits.send_per_address=100000/1h", "limits.attempts_per_network=1000000/1m",
	}, o.Set...)
	c, err := config.Load(config.Source{Set: set, DataDir: s.Data})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if o.Log != nil {
		log = slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if s.Server, err = server.New(t.Context(), c, server.Options{Log: log, Now: s.Now}); err != nil {
		t.Fatal(err)
	}
	s.serve(listener)
	t.Cleanup(s.Stop)
	return s
}

// serve answers requests and does the background work.
func (s *Server) serve(listener net.Listener) {
	front := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second}}
	front.Start()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	s.stop = sync.OnceFunc(func() {
		front.Close()
		cancel()
		work.Wait()
		if err := s.Close(); err != nil {
			s.t.Errorf("close: %v", err)
		}
	})
}

// Stop ends the server before the test does.
func (s *Server) Stop() { s.stop() }

// Now is what the server's clock says.
func (s *Server) Now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// Advance moves the server's clock on.
func (s *Server) Advance(d time.Duration) { s.offset.Add(int64(d)) }

// Answer is what came back from a call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get reads a field of a JSON answer by its path, such as "session.id", as
// text; "" when it is not there.
func (a Answer) Get(path string) string {
	var v any
	if json.Unmarshal(a.Body, &v) != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return ""
			}
			v = at[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Call sends a JSON request; token may be "", body nil.
func (s *Server) Call(method, path, token string, body any) Answer {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.Do(r)
}

// Do sends any request, following no redirect.
func (s *Server) Do(r *http.Request) Answer {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, all}
}

// Letter is the newest message to an address. It waits until one that is
// newer than the number already seen has been sent.
type Letter struct{ Subject, Text string }

// Letters are the messages to an address, newest first.
func (s *Server) Letters(to string) []Letter {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+"/dev/inbox", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	var box struct {
		Items []struct{ To, Subject, Text string }
	}
	a := s.Do(r)
	if err := json.Unmarshal(a.Body, &box); err != nil {
		s.t.Fatalf("inbox: status %d: %v", a.Status, err)
	}
	var out []Letter
	for _, m := range box.Items {
		if m.To == to {
			out = append(out, Letter{m.Subject, m.Text})
		}
	}
	return out
}
