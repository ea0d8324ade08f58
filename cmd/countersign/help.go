package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// helpCommand is "countersign help identity add".
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

// Run prints what --help behind the command would.
func (c *helpCommand) Run(ctx context.Context, p *program) error {
	again := &program{in: p.in, out: p.out, err: p.err, env: p.env, now: p.now}
	if status := again.run(ctx, append(c.Command, "--help")); status != done {
		return &refusal{status: status, wrong: "there is no such command", try: "countersign --help"}
	}
	return nil
}

// help prints what is known of a command, or the overview.
func (p *program) help(to io.Writer, node *kong.Node) {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "usage: %s%s\n\n%s\n", node.FullPath(), usage(node), node.Help)
	for _, a := range node.Positional {
		fmt.Fprintf(w, "  %s\t%s\n", strings.ToUpper(a.Name), a.Help)
	}
	if node.Type == kong.ApplicationNode {
		overview(w, node)
	} else {
		for _, c := range node.Children {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Help)
		}
	}
	flags(w, node)
	if list := examples[strings.TrimPrefix(node.FullPath(), "countersign ")]; len(list) > 0 {
		fmt.Fprintf(w, "\nExamples:\n")
		for _, e := range list {
			fmt.Fprintf(w, "  countersign %s\n", e)
		}
	}
	if node.Type == kong.ApplicationNode {
		fmt.Fprintf(w, "\nExit status: 0 done, 1 it failed, 2 the words or the configuration are off.\n")
	}
}

func usage(node *kong.Node) string {
	switch {
	case node.Type == kong.ApplicationNode:
		return " <command> [flags]"
	case len(node.Children) > 0:
		return " <command>"
	}
	s := ""
	for _, a := range node.Positional {
		name := strings.ToUpper(a.Name)
		if a.IsCumulative() {
			name += "..."
		}
		if !a.Required {
			name = "[" + name + "]"
		}
		s += " " + name
	}
	return s + " [flags]"
}

func overview(w io.Writer, root *kong.Node) {
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s:\n", g.Title)
		for _, c := range root.Children {
			if c.Hidden || c.Group == nil || c.Group.Key != g.Key {
				continue
			}
			name := c.Name
			for i, sub := range c.Children {
				name += []string{" ", "|"}[min(i, 1)] + sub.Name
			}
			if len(name) > 40 { // the list of subcommands would push every column aside
				name = c.Name + " ..."
			}
			fmt.Fprintf(w, "  %s\t%s\n", name, c.Help)
		}
	}
}

// flags lists a command's own flags, then those that every command takes.
func flags(w io.Writer, node *kong.Node) {
	all := node.AllFlags(true)
	for i := len(all) - 1; i >= 0; i-- {
		for j, f := range all[i] {
			if j == 0 && i == 0 {
				fmt.Fprintf(w, "\nFlags of every command:\n")
			} else if j == 0 {
				fmt.Fprintf(w, "\nFlags:\n")
			}
			name := "--" + f.Name
			if f.Short != 0 {
				name = "-" + string(f.Short) + ", " + name
			}
			if !f.IsBool() {
				name += " " + f.PlaceHolder
			}
			fmt.Fprintf(w, "  %s\t%s\n", name, f.Help)
		}
	}
}
