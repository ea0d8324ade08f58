package countersign_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

const module = "github.com/countersign-id/countersign"

// The shape of this repository is a promise, and the arch tests keep it: each
// rule reads the sources and lists what breaks it. They parse the files
// themselves, because the test cache sees the files a test opens, but not what
// a command like go list has read.

// rule gives one line for each thing that breaks it.
type rule func(tree) []string

// houseRules are all of them, by the sentence that a failure reads as.
var houseRules = map[string]rule{
	"the arrows between folders point one way": arrows,
	"what a folder must never know":            strangers,
	"names say what a thing is for":            plainNames,
	"an interface has at most four methods":    smallInterfaces,
	"files and functions stay readable":        sizes,
	"comments give reasons, not noise":         commentShare,
	"a package exports few names":              fewNames,
	"no init functions":                        noInit,
	"no globals with state":                    noState,
	"tests do not wait for the clock":          noSleep,
	"nothing is left for later":                noLater,
	"each dependency is a decision":            decidedDependencies,
}

func TestHouse(t *testing.T) {
	whole, err := load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range houseRules {
		t.Run(name, func(t *testing.T) {
			for _, complaint := range broken(whole) {
				t.Error(complaint)
			}
		})
	}
	share, worst := commentLines(whole), mostNames(whole)
	t.Logf("comments: %.1f %% of lines; longest functions: p90 %d lines; exported names: %.1f a package, most: %s",
		share, ninetieth(functionLengths(whole)), averageNames(whole), strings.Join(worst[:min(3, len(worst))], ", "))
}

// tree is the repository as the rules see it.
type tree struct {
	root    fs.FS
	set     *token.FileSet
	sources []source // Go files, without generated ones
	paths   []string // every file, Go or not
}

// source is one parsed Go file.
type source struct {
	path, dir string
	test      bool
	lines     int
	file      *ast.File
}

// at says where a node is, for a complaint.
func (t tree) at(n ast.Node) string {
	p := t.set.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// product gives the sources that are no tests.
func (t tree) product() (all []source) {
	for _, s := range t.sources {
		if !s.test {
			all = append(all, s)
		}
	}
	return all
}

// load reads a repository. Test data, what was built, hidden folders and
// modules inside this one are none of its business.
func load(root fs.FS) (tree, error) {
	t := tree{root: root, set: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && skipped(root, name) {
				return fs.SkipDir
			}
			return nil
		}
		t.paths = append(t.paths, name)
		if path.Ext(name) != ".go" {
			return nil
		}
		return t.parse(name)
	})
	return t, err
}

func skipped(root fs.FS, dir string) bool {
	switch base := path.Base(dir); base {
	case "testdata", "dist", "bin", "countersign-data":
		return true
	default:
		_, err := fs.Stat(root, path.Join(dir, "go.mod"))
		return strings.HasPrefix(base, ".") || err == nil
	}
}

func (t *tree) parse(name string) error {
	text, err := fs.ReadFile(t.root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(t.set, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	if ast.IsGenerated(file) {
		return nil
	}
	t.sources = append(t.sources, source{
		path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte("\n")), file: file,
	})
	return nil
}

// constructs walks every node of some sources.
func constructs(sources []source, see func(source, ast.Node)) {
	for _, s := range sources {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if n != nil {
				see(s, n)
			}
			return true
		})
	}
}
