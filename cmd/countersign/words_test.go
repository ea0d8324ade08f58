package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "copy docs/config.md")

func grammar(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := (&program{out: t.Output(), err: t.Output()}).grammar()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEveryCommandHasThreeExamplesThatParse(t *testing.T) {
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		if n.Hidden {
			return
		}
		name := n.FullPath()
		list := examples[strings.TrimPrefix(name, "countersign ")]
		if len(list) != 3 {
			t.Errorf("%s has %d examples", name, len(list))
		}
		if n.Help == "" {
			t.Errorf("%s says nothing of itself", name)
		}
		for _, e := range list {
			if _, err := grammar(t).Parse(strings.Fields(e)); err != nil {
				t.Errorf("countersign %s: %v", e, err)
			}
			if n.Type != kong.ApplicationNode && n.Name != "version" && !strings.HasPrefix("countersign "+e, name) {
				t.Errorf("%q is no example of %s", e, name)
			}
		}
		for _, f := range n.Flags {
			if f.Help == "" {
				t.Errorf("%s --%s says nothing of itself", name, f.Name)
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	root := grammar(t).Model.Node
	walk(root)
	for name := range examples {
		node := root
		for _, word := range strings.Fields(strings.TrimPrefix(name, "countersign")) {
			if node = child(node, word); node == nil {
				t.Errorf("examples of %q, which is no command", name)
				break
			}
		}
	}
}

func TestNoFlagTakesASecret(t *testing.T) {
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, word := range []string{"password", "secret", "token", "key"} {
				if strings.Contains(f.Name, word) && !f.IsBool() {
					t.Errorf("%s --%s would put a secret where every user of the machine sees it", n.FullPath(), f.Name)
				}
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(grammar(t).Model.Node)
}

// TestTheReferenceIsThatOfTheDocs: go test -run Reference -update copies it.
func TestTheReferenceIsThatOfTheDocs(t *testing.T) {
	want, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("reference.md", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if reference != string(want) {
		t.Error("reference.md is not docs/config.md; go test -run Reference -update copies it")
	}
}
