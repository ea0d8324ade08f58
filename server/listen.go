package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Addresses are where a server that listens can be found.
type Addresses struct {
	Public     string // host:port
	Operations string // host:port, or "" when it is off
	PublicURL  string // what people type
	Setup      string // the link that makes the first administrator, or ""
	Inbox      string // the development inbox, or ""
}

// Listen serves until ctx is done, then lets requests in flight end, and
// returns. It does the background work of Run as well.
func (s *Server) Listen(ctx context.Context) error {
	public, err := net.Listen("tcp", s.config.Server.Listen)
	if err != nil {
		return fmt.Errorf("server: listen: %w", err)
	}
	defer public.Close()
	servers := []*http.Server{s.public()}
	listeners := []net.Listener{public}
	if addr := s.config.Operations.Listen; addr != "" {
		operations, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("server: listen for operations: %w", err)
		}
		defer operations.Close()
		servers, listeners = append(servers, s.operationsServer()), append(listeners, operations)
	}
	// The operations listener stays without TLS: it is not for the network.
	if s.tls != nil {
		listeners[0] = tls.NewListener(public, s.tls.config())
	}
	if err := s.ready(ctx, listeners); err != nil {
		return err
	}
	return s.serve(ctx, servers, listeners)
}

// serve runs the servers and the background work; the first that fails, or ctx, ends all.
func (s *Server) serve(ctx context.Context, servers []*http.Server, listeners []net.Listener) error {
	// Not ended with ctx: a request that drains may still wait for a batch to be written.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.Run(work) })
	failed := make(chan error, len(servers))
	for i := range servers {
		go func() { failed <- servers[i].Serve(listeners[i]) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// Requests end first: what they write and send still has its workers.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.config.Server.DrainTimeout))
	defer cancel()
	s.metrics.draining.Store(true) // so that whoever balances load sends no more
	for _, srv := range servers {
		if cut := srv.Shutdown(drain); errors.Is(cut, context.DeadlineExceeded) {
			s.options.Log.Warn("requests were cut off", "after", time.Duration(s.config.Server.DrainTimeout))
			srv.Close()
		}
	}
	stop()
	background.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// public answers everyone. What net/http has to say is about broken clients, and
// theirs to make: it is logged for those who look for it.
func (s *Server) public() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: time.Duration(s.config.Server.ReadHeaderTimeout),
		// Against clients that send or read a byte at a time (CWE-400). Writing may take
		// longer: a sign-in can wait its turn among the hashes first.
		ReadTimeout:    30 * time.Second,
		WriteTimeout:   60 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
}

// ready tells whoever started the server where it is.
func (s *Server) ready(ctx context.Context, listeners []net.Listener) error {
	a := Addresses{Public: listeners[0].Addr().String(), PublicURL: strings.TrimSuffix(s.publicURL().String(), "/")}
	if len(listeners) > 1 {
		a.Operations = listeners[1].Addr().String()
	}
	if s.inboxOpen() {
		a.Inbox = a.PublicURL + "/dev/inbox"
	}
	open, err := s.Admin.SetupOpen(ctx)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if open {
		token, err := s.Admin.SetupLink(ctx)
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		a.Setup = s.SetupURL(token)
	}
	if s.options.Ready != nil {
		s.options.Ready(a)
	}
	return nil
}

// SetupURL is the page on which the token makes the first administrator.
func (s *Server) SetupURL(token string) string {
	return strings.TrimSuffix(s.publicURL().String(), "/") + "/setup?" + url.Values{"token": {token}}.Encode()
}

func (s *Server) publicURL() *url.URL { return s.config.Server.PublicURL.URL() }

// inboxOpen says whether mail is shown on a page instead of being sent: only
// while no transport is configured and nobody but this machine can see it.
func (s *Server) inboxOpen() bool {
	return s.config.Notify.SMTP.URL.Empty() && loopback(s.publicURL().Hostname())
}

// loopback includes the names under .localhost, which resolvers keep on the same
// machine (RFC 6761 section 6.3).
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// Run does the work that no request waits for, until ctx is done: it listens for
// what other nodes change, sends mail, writes checkpoints and clears away.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.Sessions.Run(ctx) })
	all.Go(func() { s.worker.Run(ctx) })
	all.Go(func() { s.every(ctx, time.Second, "checkpoint", s.Store.Checkpoint) })
	all.Go(func() { s.every(ctx, time.Minute, "sweep", s.sweep) })
	all.Wait()
}

// every calls do at intervals; a failure is logged and tried again.
func (s *Server) every(ctx context.Context, interval time.Duration, name string, do func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				s.options.Log.Warn("background work failed, will try again", "work", name, "err", err)
			}
		}
	}
}

// sweep deletes what has expired, a little at a time so that writers hardly notice.
func (s *Server) sweep(ctx context.Context) error {
	for {
		n, err := s.Store.Sweep(ctx, 500)
		if err != nil || n < 500 {
			return err
		}
	}
}
