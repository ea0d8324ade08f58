package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/server"
)

// operator is who acts: whoever can run this command holds the database anyway.
func operator() countersign.Caller {
	return countersign.Caller{System: "cli", Device: countersign.Device{Name: "command line"}}
}

// with opens the server's parts beside a server that may be running, lets do
// work with them and closes them. A missing database is an error that names the
// likely slip, unless create says that making one is meant; the schema of an
// existing one is never changed here, because an older server may be using it.
func (p *program) with(ctx context.Context, create bool, do func(*server.Server) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	missing := absent(c)
	if missing && !create {
		return &refusal{wrong: fmt.Sprintf("there is no database at %s", c.Database.URL.URL().Opaque),
			try: "check --data or --config, or begin with: countersign serve"}
	}
	c.Database.Migrate = missing
	s, err := server.New(ctx, c, server.Options{Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn})), Version: thisBuild().Version})
	if err != nil {
		return err
	}
	if missing {
		fmt.Fprintf(p.err, "A new database was made: %s\n", c.Database.URL)
	}
	return errors.Join(do(s), s.Close())
}

// absent reports whether the configured SQLite file is not there yet.
func absent(c config.Config) bool {
	u := c.Database.URL.URL()
	if u == nil || u.Scheme != "sqlite" {
		return false
	}
	_, err := os.Stat(u.Opaque)
	return errors.Is(err, fs.ErrNotExist)
}

// find looks an identity up by its id, an e-mail address it has proved, or its username.
func find(ctx context.Context, s *server.Server, who string) (countersign.Identity, error) {
	var i countersign.Identity
	var err error
	if ids.Is("idn", who) {
		i, err = s.Admin.Show(ctx, operator(), countersign.IdentityID(who))
	} else {
		kind, key, ok := address.Parse(who)
		if !ok {
			return i, &refusal{status: off, wrong: fmt.Sprintf("%q is neither an id, nor an e-mail address, nor a username", who), try: "countersign identity list"}
		}
		i, _, err = s.Store.FindSubject(ctx, kind, key)
	}
	if errors.Is(err, countersign.ErrNotFound) {
		return i, &refusal{wrong: fmt.Sprintf("no identity is called %q; an address counts once it is verified", who), try: "countersign identity list", cause: err}
	}
	return i, err
}

// terminal reports whether a person reads or types there.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// logger writes as the configuration says: text for a person, JSON for a machine.
func logger(w io.Writer, c config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level = slog.LevelInfo // config has checked the word
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "text" || c.Log.Format == "auto" && terminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// subject is find for the audit log, where an identity outlives its deletion.
func subject(ctx context.Context, s *server.Server, who string) (countersign.IdentityID, error) {
	if ids.Is("idn", who) {
		return countersign.IdentityID(who), nil
	}
	i, err := find(ctx, s, who)
	return i.ID, err
}
