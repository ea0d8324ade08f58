package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/countersign-id/countersign/server"
)

type serveCommand struct{}

// Run serves until SIGTERM or an interrupt; then requests in flight may end.
// SIGHUP reads the TLS files again.
func (c *serveCommand) Run(ctx context.Context, p *program) error {
	conf, err := p.load()
	if err != nil {
		return err
	}
	asked := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.warn(conf)
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	// Hashing fills as many processors of the scheduler as there are cores, so
	// others must be left for everything else (see internal/gate.Niceness). The
	// default is taken first: it respects the limits of a container.
	cores := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(2 * cores)
	log := logger(p.err, conf)
	// Starting makes about 10 MB of garbage once. Collecting it along the way costs
	// a fifth of the start; 1000 lets the first collection begin at 40 MB.
	usual := debug.SetGCPercent(1000)
	ready := func(a server.Addresses) {
		debug.SetGCPercent(usual)
		p.welcome(a)
		log.Info("ready", "version", thisBuild().Version, "public_url", a.PublicURL, "listen", a.Public, "operations", a.Operations)
		go debug.FreeOSMemory() // the first requests need not wait for it
	}
	s, err := server.New(ctx, conf, server.Options{Log: log, Cores: cores, Version: thisBuild().Version, Ready: ready})
	if err != nil {
		return err
	}
	var reloads sync.WaitGroup
	reloads.Go(func() { p.reload(ctx, s, log, again) })
	err = s.Listen(ctx)
	stop() // when it was Listen that gave up
	reloads.Wait()
	if asked.Err() != nil {
		log.Info("stopped", "reason", "asked to")
	}
	return errors.Join(err, s.Close())
}

// reload reads the configuration and what it names again, at every signal. What
// cannot be read changes nothing: the server goes on with what it has. A signal
// that came before the end is still answered.
func (p *program) reload(ctx context.Context, s *server.Server, log *slog.Logger, again <-chan os.Signal) {
	for {
		select {
		case <-again:
		case <-ctx.Done():
			select {
			case <-again:
			default:
				return
			}
		}
		conf, err := p.load()
		if err == nil {
			err = s.Reload(conf)
		}
		if err != nil {
			log.Error("nothing was reloaded", "err", err)
			continue
		}
		log.Info("reloaded", "what", "TLS certificates")
	}
}

// welcome tells where to go, when the listeners are up.
func (p *program) welcome(a server.Addresses) {
	fmt.Fprintf(p.out, "Countersign is ready.\n\n")
	line := func(what, where string) {
		if where != "" {
			fmt.Fprintf(p.out, "  %-12s %s\n", what, where)
		}
	}
	line("sign in", a.PublicURL+"/sign-in")
	line("account", a.PublicURL+"/account")
	line("API", a.PublicURL+"/docs")
	line("inbox", a.Inbox)
	if a.Operations != "" {
		line("operations", "http://"+a.Operations+"/readyz")
	}
	if a.Setup != "" {
		fmt.Fprintf(p.out, "\nMake the first administrator here (works once; printed again by `countersign setup-link`):\n  %s\n", a.Setup)
	}
	fmt.Fprintln(p.out)
}

type migrateCommand struct{}

// Run brings the schema up to date. Servers of the version before go on working.
func (c *migrateCommand) Run(ctx context.Context, p *program) error {
	conf, err := p.load()
	if err != nil {
		return err
	}
	conf.Database.Migrate = true
	s, err := server.New(ctx, conf, server.Options{Log: logger(p.err, conf)})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, "The database schema is up to date.")
	return err
}

type setupLinkCommand struct{}

// Run prints a new link and ends the one before it.
func (c *setupLinkCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		open, err := s.Admin.SetupOpen(ctx)
		if err != nil {
			return err
		}
		if !open {
			return &refusal{wrong: "there is or was an administrator, so the link stays closed", try: "countersign identity role WHO admin"}
		}
		token, err := s.Admin.SetupLink(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.err, "Works once, until the first administrator is there or a newer link is printed (a starting server prints one).")
		_, err = fmt.Fprintln(p.out, s.SetupURL(token))
		return err
	})
}
