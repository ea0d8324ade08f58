// Package server is the wiring: the one place that knows everyone. New makes a
// server from a configuration; programs that embed Countersign mount its Handler
// on their own mux, the command line lets it listen.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/notify"
	"github.com/countersign-id/countersign/risk"
	"github.com/countersign-id/countersign/session"
	"github.com/countersign-id/countersign/store"
)

// Options are what a configuration does not say. The zero value is good.
type Options struct {
	Log     *slog.Logger     // nil for slog.Default
	Now     func() time.Time // nil for time.Now
	Cores   int              // how many hashes run at once; 0 for all cores
	Version string           // of the program, for the API document
	Ready   func(Addresses)  // called once, when the listeners are up
	Sender  notify.Sender    // nil for what the configuration says
}

// Server is everything, wired. Its processes may be called directly by the
// program that embeds it.
type Server struct {
	Login    *login.Process
	Account  *account.Process
	Admin    *admin.Process
	Sessions *session.Sessions
	Store    *store.DB

	config  config.Config
	options Options
	gate    *gate.Gate
	worker  *notify.Worker
	letters *notify.Letters
	words   *lang.Catalog
	metrics *metrics
	handler http.Handler
	tls     *certificates
}

// New opens the database, bringing its schema up to date unless told not to,
// and builds every part. It starts nothing: call Run for the background work, or
// Listen for that and the listeners. Close it when done.
func New(ctx context.Context, c config.Config, o Options) (*Server, error) {
	o = o.withDefaults(c)
	keys, err := sealKeys(c)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, c, o, keys)
	if err != nil {
		return nil, err
	}
	s := &Server{Store: db, config: c, options: o}
	if err := s.build(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (o Options) withDefaults(c config.Config) Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	now, offset := o.Now, time.Duration(c.Server.InsecureClockOffset)
	if now == nil {
		now = time.Now
	}
	// To the microsecond, as databases keep it, so that what is answered at first and what is read later agree.
	o.Now = func() time.Time { return now().Add(offset).UTC().Truncate(time.Microsecond) }
	if o.Cores == 0 {
		o.Cores = runtime.NumCPU()
	}
	return o
}

func open(ctx context.Context, c config.Config, o Options, keys [][]byte) (*store.DB, error) {
	// A name for whoever reads the audit chains; a host without one is a node all the same.
	name, err := os.Hostname()
	if err != nil {
		name = "node"
	}
	connections := c.Database.MaxConnections
	if c.Database.URL.URL().Scheme == "sqlite" {
		connections = min(connections, 2*o.Cores) // they read in this process: more only cost memory
	}
	db, err := store.Open(ctx, store.Options{
		URL: c.Database.URL.Reveal(), Keys: keys, Node: name, MaxConnections: connections, Now: o.Now, Log: o.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if c.Database.Migrate {
		if _, err := db.Migrate(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("server: %w", err), db.Close())
		}
	}
	if err := db.Ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), db.Close())
	}
	return db, nil
}

// build joins the parts, from the inside out.
func (s *Server) build() (err error) {
	c, o := s.config, s.options
	s.Sessions = session.New(s.Store, session.Options{
		Absolute: time.Duration(c.Session.Absolute), Idle: time.Duration(c.Session.Idle), Remember: c.Session.CacheEntries, Now: o.Now,
	})
	methods, err := s.methods()
	if err != nil {
		return err
	}
	if err := s.readWords(fragments(methods)); err != nil {
		return err
	}
	if s.letters, err = s.newLetters(); err != nil {
		return err
	}
	sender := o.Sender
	if sender == nil {
		if sender, err = newSender(c); err != nil {
			return err
		}
	}
	s.worker = &notify.Worker{Outbox: outbox{s.Store, s.inboxOpen()}, Letters: s.letters, Sender: sender, Now: o.Now, Log: o.Log}
	s.process(methods)
	s.metrics = newMetrics(s)
	if s.tls, err = newCertificates(c); err != nil {
		return err
	}
	s.handler, err = s.doors(methods)
	return err
}

// process builds what runs attempts, accounts and administration.
func (s *Server) process(methods map[string]countersign.Method) {
	c, o := s.config, s.options
	limits := limitsOf(c)
	policies := s.policies(methods)
	// Only writes of the processes pass the recorder; what it does is for this node.
	writes := recorder{s.Store, s}
	s.Login = &login.Process{
		Methods: methods, Policies: policies, Store: writes, Holders: s.Store, Challenges: s.Store, Counter: s.Store, Limits: limits,
		Sessions: s.Sessions, Life: time.Duration(c.Attempt.Life), Now: o.Now, SafeReturn: safeReturn(c),
		SignUpClosed: !c.SignUp.Enabled, SignUpDomains: c.SignUp.AllowedDomains,
	}
	if m := methods["device"]; m != nil && c.Policy.RememberDevice > 0 {
		s.Login.Remember = m
	}
	if m, ok := methods["factor_reset"].(login.Waiting); ok {
		s.Login.Reset = m
	}
	s.Account = &account.Process{
		Methods: methods, Policy: policies[countersign.SignIn], Store: writes, Counter: s.Store, Challenges: s.Store, Limits: limits, Prover: s.Login, Sudo: time.Duration(c.Session.Sudo), Now: o.Now,
	}
	s.Admin = &admin.Process{
		Methods: methods, Policy: policies[countersign.SignIn], Store: writes, Records: s.Store, Opener: s.Sessions, Sudo: time.Duration(c.Session.Sudo), Now: o.Now,
	}
}

func limitsOf(c config.Config) risk.Limits {
	rates := func(l config.Limit) (out []risk.Rate) {
		for _, r := range l {
			out = append(out, risk.Rate{Count: r.Count, Per: r.Per})
		}
		return out
	}
	return risk.Limits{
		Guesses: c.Limits.GuessesPerIdentity, Pause: time.Duration(c.Limits.GuessPause), GuessesPerNetwork: rates(c.Limits.GuessesPerNetwork),
		SendPerAddress: rates(c.Limits.SendPerAddress), SendPerNetwork: rates(c.Limits.SendPerNetwork),
		SignUpPerNetwork: rates(c.Limits.SignUpPerNetwork), StartPerNetwork: rates(c.Limits.AttemptsPerNetwork),
		SMSPerPrefix: rates(c.Limits.SMSPerPrefix), SMSPerCountry: rates(c.Limits.SMSPerCountry), SMSPerHour: rates(c.Limits.SMSTotal), AllowedCountries: c.SMS.Countries,
	}
}

// newGate bounds hashing: one at a time for each core, fewer where memory is short.
func newGate(c config.Config, cores int) (*gate.Gate, *argon.Arenas, error) {
	p := params(c)
	// More hashes at once than cores finish none of them sooner, and each holds its memory.
	slots := cores
	if most := int64(c.Password.MaxMemory); most > 0 {
		slots = max(1, min(slots, int(most/(int64(p.MemoryKiB)<<10))))
	}
	g, err := gate.New(gate.Options{Slots: slots, Queue: c.Password.Queue, Wait: time.Duration(c.Password.QueueWait), Nice: gate.Niceness, Now: time.Now})
	if err != nil {
		return nil, nil, fmt.Errorf("server: %w", err)
	}
	return g, argon.NewArenas(slots, p, time.Minute), nil
}

func params(c config.Config) argon.Params {
	h := c.Password.Hash
	return argon.Params{MemoryKiB: uint32(h.MemoryKiB), Time: uint32(h.Time), Threads: uint8(h.Threads)}
}

// Handler answers the public address: pages, JSON and the documents about them.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the database, after everything queued is written.
func (s *Server) Close() error { return s.Store.Close() }
