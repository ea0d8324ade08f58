package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/server"
)

type sessionCommands struct {
	List   sessionList   `cmd:"" help:"List the live sessions of an identity."`
	Revoke sessionRevoke `cmd:"" help:"End one session of an identity, or all. Running servers know within a second."`
}

type sessionList struct {
	whom
	page
}

// Run lists them.
func (c *sessionList) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		items, more, err := gather(c.page, func(after string, limit int) ([]countersign.Session, string, error) {
			return s.Admin.Sessions(ctx, operator(), i.ID, countersign.SessionID(after), limit)
		})
		if err != nil {
			return err
		}
		return list(p, c.page, items, more, []string{"ID", "SIGNED IN", "LAST SEEN", "ENDS", "BY", "DEVICE", "NETWORK"}, func(x countersign.Session) []string {
			return []string{string(x.ID), stamp(x.AuthenticatedAt), stamp(x.LastSeenAt), stamp(x.ExpiresAt),
				strings.Join(x.Methods, ","), x.Device.Name, x.Device.Network}
		})
	})
}

type sessionRevoke struct {
	whom
	Session string `arg:"" optional:"" help:"The id of the session."`
	All     bool   `help:"All sessions of the identity."`
}

// Run ends sessions.
func (c *sessionRevoke) Run(ctx context.Context, p *program) error {
	if (c.Session == "") != c.All {
		return &refusal{status: off, wrong: "name one session, or say --all", try: "countersign session list " + c.Who}
	}
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		n, err := count(ctx, s, i.ID, countersign.SessionID(c.Session))
		if err != nil {
			return err
		}
		if n == 0 && !c.All {
			return &refusal{wrong: fmt.Sprintf("%s has no such session", i.ID), try: "countersign session list " + c.Who}
		}
		if err := s.Admin.EndSessions(ctx, operator(), i.ID, countersign.SessionID(c.Session)); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "Ended %d session(s) of %s (%s).\n", n, i.ID, plain(called(i)))
		return err
	})
}

// count gives the number of live sessions, of that id when one is given.
func count(ctx context.Context, s *server.Server, of countersign.IdentityID, id countersign.SessionID) (n int, err error) {
	items, _, err := gather(page{Limit: 100000}, func(after string, limit int) ([]countersign.Session, string, error) {
		return s.Admin.Sessions(ctx, operator(), of, countersign.SessionID(after), limit)
	})
	for _, x := range items {
		if id == "" || x.ID == id {
			n++
		}
	}
	return n, err
}
