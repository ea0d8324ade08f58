package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/server"
)

type identityCommands struct {
	Add         identityAdd         `cmd:"" help:"Add a person or a service."`
	List        identityList        `cmd:"" help:"List identities, in the order they were made."`
	Show        identityShow        `cmd:"" help:"Show one."`
	Disable     identityDisable     `cmd:"" help:"Keep one out: its sessions end at once, nothing is lost."`
	Enable      identityEnable      `cmd:"" help:"Let one in again."`
	Delete      identityDelete      `cmd:"" help:"Delete one and everything that hangs on it, but its record."`
	SetPassword identitySetPassword `cmd:"" help:"Give one a new password; its sessions end."`
	Factors     identityFactors     `cmd:"" help:"List what one has set up to prove who they are."`
	ResetFactor identityResetFactor `cmd:"" help:"Remove what one has lost, all but the password; sessions end, every address is told."`
	Flag        identityFlag        `cmd:"" help:"Put flags on one, or take them away."`
	Role        identityRole        `cmd:"" help:"Give one roles, or take them away. The role admin administers."`
}

// whom is the argument of every command about one identity.
type whom struct {
	Who string `arg:"" help:"An id, a verified e-mail address or a username."`
}

type identityAdd struct {
	Email      string   `placeholder:"ADDRESS" help:"E-mail address, taken as verified."`
	Username   string   `placeholder:"NAME" help:"Name to sign in with: a to z, digits, dots, hyphens, underscores."`
	Name       string   `placeholder:"NAME" help:"What people call them."`
	Locale     string   `placeholder:"TAG" help:"Language for mails, such as de."`
	Role       []string `placeholder:"ROLE" help:"A role, such as admin; may be repeated."`
	Flag       []string `placeholder:"FLAG" help:"A flag; may be repeated."`
	Service    bool     `help:"A service rather than a person."`
	Unverified bool     `help:"The address must still be proved."`
	passwordFlags
	asJSON
}

// Run adds the identity. Without a password its owner chooses one by recovery.
func (c *identityAdd) Run(ctx context.Context, p *program) error {
	in := admin.New{
		Kind: countersign.Person, Email: c.Email, Username: c.Username, Name: c.Name, Locale: c.Locale,
		Roles: c.Role, Flags: c.Flag, Unverified: c.Unverified,
	}
	if c.Service {
		in.Kind = countersign.Service
	}
	if c.Email == "" && c.Username == "" && !c.Service {
		return &refusal{status: off, wrong: "a person needs an e-mail address or a username", try: "countersign identity add --email ada@example.com"}
	}
	secret, err := c.optional(ctx, p, c.Service)
	if err != nil {
		return err
	}
	if secret != "" {
		in.Secret = evidence(secret)
	}
	return p.with(ctx, true, func(s *server.Server) error {
		i, err := s.Admin.Add(ctx, operator(), in)
		if err != nil {
			return err
		}
		if err := p.identity(i, c.JSON, "Added"); err != nil || c.JSON {
			return err
		}
		if secret == "" && i.Kind == countersign.Person {
			fmt.Fprintf(p.err, "No password was set. Set one: countersign identity set-password %s\n", i.ID)
		}
		return nil
	})
}

type identityList struct {
	Flag   string `placeholder:"FLAG" help:"Only those with this flag."`
	Role   string `placeholder:"ROLE" help:"Only those with this role."`
	Kind   string `placeholder:"KIND" enum:",person,service,guest" default:"" help:"Only person, service or guest."`
	State  string `placeholder:"STATE" enum:",active,disabled" default:"" help:"Only active or disabled."`
	Prefix string `placeholder:"TEXT" help:"Only those whose verified address or username begins so."`
	page
}

// Run lists them.
func (c *identityList) Run(ctx context.Context, p *program) error {
	f := countersign.IdentityFilter{
		Flag: c.Flag, Role: c.Role, Kind: countersign.Kind(c.Kind), State: countersign.State(c.State), Prefix: strings.ToLower(c.Prefix),
	}
	return p.with(ctx, false, func(s *server.Server) error {
		items, more, err := gather(c.page, func(after string, limit int) ([]countersign.Identity, string, error) {
			return s.Admin.List(ctx, operator(), f, countersign.IdentityID(after), limit)
		})
		if err != nil {
			return err
		}
		return list(p, c.page, items, more, []string{"ID", "KIND", "STATE", "CALLED", "NAME", "ROLES", "FLAGS"}, func(i countersign.Identity) []string {
			return []string{string(i.ID), string(i.Kind), string(i.State), called(i), i.Name, strings.Join(i.Roles, ","), strings.Join(i.Flags, ",")}
		})
	})
}

type identityShow struct {
	whom
	asJSON
}

// Run shows one.
func (c *identityShow) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		return p.identity(i, c.JSON, "")
	})
}

// identity prints one: as JSON, as one line about what was done, or whole.
func (p *program) identity(i countersign.Identity, asJSON bool, done string) error {
	if asJSON {
		return p.json(i)
	}
	if done != "" {
		_, err := fmt.Fprintf(p.out, "%s %s (%s).\n", done, i.ID, plain(called(i)))
		return err
	}
	var emails []string
	for _, e := range i.Emails {
		note := " (unverified)"
		if e.Primary {
			note = " (primary)"
		} else if e.Verified {
			note = ""
		}
		emails = append(emails, e.Address+note)
	}
	username := ""
	if i.Username != nil {
		username = *i.Username
	}
	for _, line := range [][2]string{
		{"id", string(i.ID)}, {"kind", string(i.Kind)}, {"state", string(i.State)}, {"username", username},
		{"emails", strings.Join(emails, ", ")}, {"name", i.Name}, {"locale", i.Locale}, {"roles", strings.Join(i.Roles, ", ")},
		{"flags", strings.Join(i.Flags, ", ")}, {"metadata", string(i.Metadata)}, {"created", stamp(i.CreatedAt)},
	} {
		if _, err := fmt.Fprintf(p.out, "%-9s %s\n", line[0], plain(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// called is how a person would name the identity.
func called(i countersign.Identity) string {
	switch {
	case i.Primary() != "":
		return i.Primary()
	case i.Username != nil:
		return *i.Username
	case len(i.Emails) > 0:
		return i.Emails[0].Address
	}
	return i.Name
}
