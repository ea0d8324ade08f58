package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/server"
)

// passwordFlags say where a password comes from: a terminal or standard input.
// Never the command line, which every user of the machine can read and shells keep.
type passwordFlags struct {
	PasswordStdin bool `help:"Read the password from the first line of standard input."`
}

// longest is more than any password rule allows; the rule says so in its own words.
const longest = 64 << 10

// optional reads a password where one is offered or can be asked for; "" is none.
func (f passwordFlags) optional(ctx context.Context, p *program, service bool) (string, error) {
	switch {
	case f.PasswordStdin:
		return p.line()
	case service || !terminal(p.in):
		return "", nil
	}
	fmt.Fprintln(p.err, "Choose a password, or press Enter to leave it to its owner.")
	return p.ask(ctx, true)
}

// required is optional, but there must be one.
func (f passwordFlags) required(ctx context.Context, p *program) (string, error) {
	switch {
	case f.PasswordStdin:
		return p.line()
	case !terminal(p.in):
		return "", &refusal{status: off, wrong: "there is no terminal to ask for the password on", try: "printf %s \"$PASSWORD\" | countersign identity set-password --password-stdin WHO"}
	}
	return p.ask(ctx, false)
}

// line reads the first line of standard input, without its end.
func (p *program) line() (string, error) {
	text, err := bufio.NewReader(io.LimitReader(p.in, longest)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"); text == "" {
		return "", &refusal{status: off, wrong: "standard input holds no password", try: "printf %s \"$PASSWORD\" | countersign ... --password-stdin"}
	}
	return text, nil
}

// ask reads a password twice from the terminal without showing it.
func (p *program) ask(ctx context.Context, mayBeEmpty bool) (string, error) {
	first, err := p.hidden(ctx, "Password: ")
	if err != nil || first == "" && mayBeEmpty {
		return "", err
	}
	if first == "" {
		return "", &refusal{status: off, wrong: "an empty password is none"}
	}
	second, err := p.hidden(ctx, "Again: ")
	if err == nil && first != second {
		err = &refusal{status: off, wrong: "the two were not the same; nothing was changed"}
	}
	return first, err
}

// hidden reads one line without echo. An interrupt ends the program from here,
// because nothing can end the read, and gives the terminal its echo back.
func (p *program) hidden(ctx context.Context, prompt string) (string, error) {
	fd := int(p.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = term.Restore(fd, before)
		fmt.Fprintln(p.err)
		os.Exit(failed)
	})
	defer stop()
	fmt.Fprint(p.err, prompt)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(p.err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}

// evidence is what sets a password up. This command is about passwords, so it
// may name the method.
func evidence(password string) json.RawMessage {
	text, err := json.Marshal(map[string]string{"method": "password", "password": password})
	if err != nil {
		panic("countersign: two texts always encode: " + err.Error())
	}
	return text
}

type identitySetPassword struct {
	whom
	passwordFlags
}

// Run sets the password. The identity is looked up first, so that nobody types a
// password for a name that is not there.
func (c *identitySetPassword) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		secret, err := c.required(ctx, p)
		if err != nil {
			return err
		}
		return p.setPassword(ctx, s, i, secret)
	})
}

func (p *program) setPassword(ctx context.Context, s *server.Server, i countersign.Identity, secret string) error {
	if err := s.Admin.SetSecret(ctx, operator(), i.ID, evidence(secret)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, "Set the password of %s (%s). Its sessions have ended.\n", i.ID, plain(called(i)))
	return err
}
