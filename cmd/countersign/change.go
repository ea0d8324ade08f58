package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/server"
)

type identityDisable struct {
	whom
	asJSON
}

// Run disables one.
func (c *identityDisable) Run(ctx context.Context, p *program) error {
	return p.state(ctx, c.Who, countersign.Disabled, c.JSON, "Disabled")
}

type identityEnable struct {
	whom
	asJSON
}

// Run enables one.
func (c *identityEnable) Run(ctx context.Context, p *program) error {
	return p.state(ctx, c.Who, countersign.Active, c.JSON, "Enabled")
}

func (p *program) state(ctx context.Context, who string, state countersign.State, asJSON bool, done string) error {
	return p.change(ctx, who, asJSON, done, func(countersign.Identity) (admin.Patch, bool) { return admin.Patch{State: &state}, true })
}

// change finds an identity, changes what the patch says and prints the result.
// Where the patch changes nothing, the identity is printed and nothing written.
func (p *program) change(ctx context.Context, who string, asJSON bool, done string, patch func(countersign.Identity) (admin.Patch, bool)) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, who)
		if err != nil {
			return err
		}
		change, some := patch(i)
		if !some {
			return p.identity(i, asJSON, "")
		}
		if i, err = s.Admin.Patch(ctx, operator(), i.ID, change); err != nil {
			return err
		}
		return p.identity(i, asJSON, done)
	})
}

type identityFlag struct {
	whom
	Flag   []string `arg:"" optional:"" help:"Flags: 1 to 64 of a to z, 0 to 9, - _ . and :"`
	Remove bool     `help:"Take them away."`
	asJSON
}

// Run changes flags, or shows the identity when none are named.
func (c *identityFlag) Run(ctx context.Context, p *program) error {
	return p.change(ctx, c.Who, c.JSON, "Flagged", func(i countersign.Identity) (admin.Patch, bool) {
		now := edited(i.Flags, c.Flag, c.Remove)
		return admin.Patch{Flags: &now}, len(c.Flag) > 0
	})
}

type identityRole struct {
	whom
	Role   []string `arg:"" optional:"" help:"Roles: 1 to 64 of a to z, 0 to 9, - _ . and :"`
	Remove bool     `help:"Take them away."`
	asJSON
}

// Run changes roles, or shows the identity when none are named.
func (c *identityRole) Run(ctx context.Context, p *program) error {
	return p.change(ctx, c.Who, c.JSON, "Changed the roles of", func(i countersign.Identity) (admin.Patch, bool) {
		now := edited(i.Roles, c.Role, c.Remove)
		return admin.Patch{Roles: &now}, len(c.Role) > 0
	})
}

func edited(have, named []string, remove bool) []string {
	if remove {
		return slices.DeleteFunc(slices.Clone(have), func(h string) bool { return slices.Contains(named, h) })
	}
	return append(slices.Clone(have), named...)
}

type identityDelete struct {
	whom
	Yes bool `help:"Do not ask."`
}

// Run deletes one, after asking a person or being told --yes.
func (c *identityDelete) Run(ctx context.Context, p *program) error {
	if !c.Yes && !terminal(p.in) {
		return &refusal{status: off, wrong: "deleting cannot be undone, and there is no terminal to ask on", try: "countersign identity delete --yes " + c.Who}
	}
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		if !c.Yes {
			fmt.Fprintf(p.err, "Delete %s (%s) and everything that hangs on it? Type yes: ", i.ID, plain(called(i)))
			answer, _ := bufio.NewReader(p.in).ReadString('\n')
			if strings.TrimSpace(answer) != "yes" {
				return &refusal{wrong: "nothing was deleted"}
			}
		}
		if err := s.Admin.Delete(ctx, operator(), i.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "Deleted %s (%s).\n", i.ID, plain(called(i)))
		return err
	})
}
