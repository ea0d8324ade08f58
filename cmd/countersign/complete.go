package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script that asks this program for the words that
// fit, so that it never has to be printed again for a newer one.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

var scripts = map[string]string{
	"bash": `# countersign completion bash > /etc/bash_completion.d/countersign
_countersign() {
	COMPREPLY=($(compgen -W "$(countersign __complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _countersign countersign
`,
	"zsh": `#compdef countersign
# countersign completion zsh > "${fpath[1]}/_countersign"
_countersign() {
	local -a found
	found=(${(f)"$(countersign __complete ${words[2,CURRENT-1]} 2>/dev/null)"})
	compadd -a found || _files
}
compdef _countersign countersign
`,
	"fish": `# countersign completion fish > ~/.config/fish/completions/countersign.fish
function __countersign
	set -l before (commandline -opc)
	countersign __complete $before[2..] 2>/dev/null
end
complete -c countersign -f -a '(__countersign)'
complete -c countersign -l config -r -F
complete -c countersign -l data -r -F
`,
}

// Run prints the script.
func (c *completionCommand) Run(p *program) error {
	_, err := fmt.Fprint(p.out, scripts[c.Shell])
	return err
}

// completeCommand prints the words that may follow those before the cursor, one
// a line. Only the completion scripts call it.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run follows the words as far as they are commands.
func (c *completeCommand) Run(_ context.Context, p *program, k *kong.Kong) error {
	node := k.Model.Node
	for _, w := range c.Words {
		if next := child(node, w); next != nil {
			node = next
		}
	}
	if last := len(c.Words) - 1; last >= 0 && takesValue(node, c.Words[last]) {
		return nil // a value stands here, and its words are not known
	}
	for _, n := range node.Children {
		if !n.Hidden {
			fmt.Fprintln(p.out, n.Name)
		}
	}
	for _, a := range node.Positional {
		for _, choice := range a.EnumSlice() {
			if choice != "" {
				fmt.Fprintln(p.out, choice)
			}
		}
	}
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			fmt.Fprintln(p.out, "--"+f.Name)
		}
	}
	return nil
}

func child(node *kong.Node, name string) *kong.Node {
	for _, n := range node.Children {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func takesValue(node *kong.Node, word string) bool {
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name && !f.IsBool() {
				return true
			}
		}
	}
	return strings.HasPrefix(word, "--") && strings.HasSuffix(word, "=")
}
