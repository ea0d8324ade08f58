package server

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// metrics are counted here and shown on the operations listener. No label ever
// holds what a caller wrote: routes are patterns, methods those that are wired.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	proofs   *prometheus.CounterVec
	draining atomic.Bool
}

// newMetrics has a registry of its own, not the package's global one: two servers
// in one program must not meet there.
func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_http_request_seconds", Help: "Time to answer a request, by route pattern, method and status class.",
			// From a session check in memory to a hash that waited its turn.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route", "method", "status"}),
		proofs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_events_total", Help: "Events by action, method of proof and outcome.",
		}, []string{"action", "method", "outcome"}),
	}
	m.registry.MustRegister(m.requests, m.proofs, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.gauges(s)
	return m
}

// gauges are read from the parts when they are asked for.
func (m *metrics) gauges(s *Server) {
	gauge := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "countersign_" + name, Help: help}, read))
	}
	counter := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "countersign_" + name, Help: help}, read))
	}
	gauge("hash_running", "Password hashes being made.", func() float64 { return float64(s.gate.Stats().Running) })
	gauge("hash_waiting", "Password hashes waiting for their turn.", func() float64 { return float64(s.gate.Stats().Waiting) })
	counter("hash_admitted_total", "Password hashes admitted.", func() float64 { return float64(s.gate.Stats().Total) })
	counter("hash_refused_total", "Password hashes refused because the queue was full.", func() float64 { return float64(s.gate.Stats().Refused) })
	counter("session_cache_hits_total", "Session checks answered from memory.", func() float64 { h, _, _ := s.Sessions.Stats(); return float64(h) })
	counter("session_cache_misses_total", "Session checks that asked the database.", func() float64 { _, n, _ := s.Sessions.Stats(); return float64(n) })
	gauge("session_cache_entries", "Sessions held in memory.", func() float64 { _, _, n := s.Sessions.Stats(); return float64(n) })
	counter("mail_sent_total", "Messages sent.", func() float64 { return float64(s.worker.Stats().Sent) })
	counter("mail_retried_total", "Messages that will be tried again.", func() float64 { return float64(s.worker.Stats().Retried) })
	counter("mail_dead_total", "Messages given up.", func() float64 { return float64(s.worker.Stats().Dead) })
	counter("db_statements_total", "Statements run for writes.", func() float64 { return float64(s.Store.Stats().Statements) })
	counter("db_batches_total", "Transactions committed.", func() float64 { return float64(s.Store.Stats().Batches) })
	counter("db_operations_total", "Operations written; divided by batches, how many share a commit.", func() float64 { return float64(s.Store.Stats().Ops) })
	gauge("db_queue", "Writes waiting for their turn.", func() float64 { return float64(s.Store.Stats().Queue) })
}

// seen counts an answered request.
func (m *metrics) seen(r door.Seen) {
	m.requests.WithLabelValues(r.Route, r.Method, class(r.Status)).Observe(r.Duration.Seconds())
}

// class keeps the number of series small: the exact status is in the log.
func class(status int) string {
	switch {
	case status >= 500:
		return "5xx"
	case status >= 400:
		return "4xx"
	case status >= 300:
		return "3xx"
	}
	return "2xx"
}

// count counts events once they are written, so that the numbers never run ahead
// of the audit log.
func (m *metrics) count(events []countersign.Event) {
	for _, e := range events {
		m.proofs.WithLabelValues(e.Action, e.Method, e.Outcome).Inc()
	}
}
