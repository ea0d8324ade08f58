package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/pprof"
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
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
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
