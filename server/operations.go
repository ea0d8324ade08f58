package server

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operationsServer answers those who run the server. It asks for no password, so
// it listens where only they can reach it.
func (s *Server) operationsServer() *http.Server {
	return &http.Server{Handler: s.Operations(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
}

// Operations answers health checks, metrics and profiling.
func (s *Server) Operations() http.Handler {
	mux := http.NewServeMux()
	// Alive says nothing of the database: a restart would not bring it back.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	// Importing pprof fills the global mux as well, which we never serve; nor should
	// a program that embeds us.
	mux.HandleFunc("GET /debug/pprof/{$}", profiles)
	mux.HandleFunc("GET /debug/pprof/{name}", profile)
	return mux
}

// readyz says whether requests should be sent here: not while draining, and not
// while the database does not answer.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	// Less than the usual patience of a balancer: a late answer counts as none.
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if s.metrics.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	if err := s.Store.Ready(ctx); err != nil {
		s.options.Log.Warn("not ready", "err", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// profiles lists what /debug/pprof/ has. The standard library's handlers are not
// used: they register themselves on the mux of every program that embeds us.
func profiles(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "profile?seconds=30\ntrace?seconds=1")
	for _, p := range pprof.Profiles() {
		fmt.Fprintf(w, "%s (%d)\n", p.Name(), p.Count())
	}
}

// profile writes one profile in the form that `go tool pprof` reads, or as text with debug=1.
func profile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	w.Header().Set("Content-Type", "application/octet-stream")
	switch name {
	case "profile":
		during(w, r, 30, pprof.StartCPUProfile(w), pprof.StopCPUProfile)
	case "trace":
		during(w, r, 1, trace.Start(w), trace.Stop)
	default:
		p := pprof.Lookup(name)
		if p == nil {
			http.Error(w, "no such profile", http.StatusNotFound)
			return
		}
		debug, _ := strconv.Atoi(r.FormValue("debug"))
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = p.WriteTo(w, debug) // the reader went away
	}
}

// during waits for as many seconds as were asked for, or until the reader goes away.
func during(w http.ResponseWriter, r *http.Request, seconds int, err error, stop func()) {
	if err != nil {
		http.Error(w, "one is being made already", http.StatusConflict)
		return
	}
	defer stop()
	if n, err := strconv.Atoi(r.FormValue("seconds")); err == nil && n > 0 && n <= 300 {
		seconds = n
	}
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-r.Context().Done():
	}
}
