package countersign_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// maxNames is how many names a package exports on average. A package may have
// more where its subject does; all together may not grow a surface.
const maxNames = 20.0

var updateAPI = flag.Bool("update", false, "rewrite docs/api.txt")

// TestAPI compares what Go programs can use with docs/api.txt, so that every
// new exported name is seen in review. Rewrite: go test -run API -update .
func TestAPI(t *testing.T) {
	whole, err := load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	got := publicAPI(whole)
	if *updateAPI {
		if err := os.WriteFile("docs/api.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("docs/api.txt")
	if err != nil {
		t.Fatalf("%v: write it with go test -run API -update .", err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("docs/api.txt (-) is not what the packages export (+); go test -run API -update . rewrites it\n%s", diff)
	}
}

// public says whether other modules may import a folder and would want to.
func public(s source) bool {
	for _, inside := range []string{"internal", "bench", "examples", "cmd"} {
		if s.dir == inside || strings.HasPrefix(s.dir, inside+"/") {
			return false
		}
	}
	return !s.test && s.file.Name.Name != "main"
}

// publicAPI gives one line for each exported name, sorted within its package.
func publicAPI(t tree) string {
	packages := map[string][]string{}
	for _, s := range t.sources {
		if public(s) {
			packages[s.dir] = append(packages[s.dir], t.exported(s)...)
		}
	}
	var b strings.Builder
	for _, dir := range sortedKeys(packages) {
		slices.Sort(packages[dir])
		for _, line := range packages[dir] {
			fmt.Fprintf(&b, "%s: %s\n", dir, line)
		}
	}
	return b.String()
}

func (t tree) exported(s source) (lines []string) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
				lines = append(lines, t.flat(&ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}))
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				lines = append(lines, t.declared(d.Tok, spec)...)
			}
		}
	}
	return lines
}

// declared describes a type with its exported fields, or constants, or variables.
func (t tree) declared(tok token.Token, spec ast.Spec) (lines []string) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return nil
		}
		shape, ok := spec.Type.(*ast.StructType)
		if !ok {
			return []string{"type " + t.flat(&ast.TypeSpec{Name: spec.Name, TypeParams: spec.TypeParams, Assign: spec.Assign, Type: spec.Type})}
		}
		bare := &ast.TypeSpec{Name: spec.Name, TypeParams: spec.TypeParams, Type: ast.NewIdent("struct")}
		lines = append(lines, "type "+t.flat(bare))
		for _, f := range shape.Fields.List {
			lines = append(lines, t.fields(spec.Name.Name, f)...)
		}
	case *ast.ValueSpec:
		for i, name := range spec.Names {
			if !name.IsExported() {
				continue
			}
			line := tok.String() + " " + name.Name
			if spec.Type != nil {
				line += " " + t.flat(spec.Type)
			}
			if tok == token.CONST && i < len(spec.Values) {
				line += " = " + t.flat(spec.Values[i])
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (t tree) fields(owner string, f *ast.Field) (lines []string) {
	kind := t.flat(f.Type)
	if f.Tag != nil {
		kind += " " + f.Tag.Value // the names in JSON are a promise as well
	}
	for _, name := range f.Names {
		if name.IsExported() {
			lines = append(lines, fmt.Sprintf("field %s.%s %s", owner, name.Name, kind))
		}
	}
	if len(f.Names) == 0 {
		lines = append(lines, fmt.Sprintf("field %s embeds %s", owner, kind))
	}
	return lines
}

// flat prints a piece of source without comments, on one line.
func (t tree) flat(n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, t.set, n); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// receiver names the type a method belongs to.
func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// exportedNames counts functions, methods of exported types, types, variables
// and constants; fields come with their type.
func exportedNames(t tree) map[string]int {
	count := map[string]int{}
	for _, s := range t.product() {
		if s.file.Name.Name == "main" {
			continue
		}
		count[s.dir] += len(slices.DeleteFunc(t.exported(s), func(line string) bool {
			return strings.HasPrefix(line, "field ")
		}))
	}
	return count
}

func fewNames(t tree) (broken []string) {
	if mean := averageNames(t); mean > maxNames {
		broken = append(broken, fmt.Sprintf("packages export %.1f names on average, more than %.0f; most: %s",
			mean, maxNames, strings.Join(mostNames(t), ", ")))
	}
	return broken
}

func averageNames(t tree) float64 {
	count, sum := exportedNames(t), 0
	for _, n := range count {
		sum += n
	}
	return float64(sum) / float64(max(len(count), 1))
}

// mostNames lists the packages from the largest surface to the smallest.
func mostNames(t tree) (lines []string) {
	count := exportedNames(t)
	dirs := sortedKeys(count)
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(count[b], count[a]) })
	for _, dir := range dirs {
		lines = append(lines, fmt.Sprintf("%s %d", dir, count[dir]))
	}
	return lines
}

// decidedDependencies wants the path of every direct dependency in one of the
// decisions, beside the reason why we have it.
func decidedDependencies(t tree) (broken []string) {
	mod, err := fs.ReadFile(t.root, "go.mod")
	if err != nil {
		return []string{err.Error()}
	}
	var decisions strings.Builder
	for _, name := range t.paths {
		if strings.HasPrefix(name, "docs/decisions/") && strings.HasSuffix(name, ".md") {
			text, err := fs.ReadFile(t.root, name)
			if err != nil {
				return []string{err.Error()}
			}
			decisions.Write(text)
		}
	}
	for line := range strings.Lines(string(mod)) {
		words := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(words) != 2 || !strings.HasPrefix(words[1], "v") {
			continue // an indirect one has a comment behind it
		}
		if !strings.Contains(decisions.String(), words[0]) {
			broken = append(broken, words[0]+": no line in docs/decisions says why we depend on it")
		}
	}
	return broken
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
