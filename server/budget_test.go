package server_test

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

const module = "github.com/countersign-id/countersign/"

// What one password sign-in may cross, as JSON in one call: the house (words,
// parts, processes, doors, store), and beside it the tools under internal/ that
// it uses. The aims are those of docs/decisions/0012-what-a-sign-in-crosses.md,
// which says why they are not reached; what is allowed may only ever be lowered.
var (
	aim     = footing{packages: 10, files: 20, functions: 75, statements: 300, sql: 6}
	allowed = footing{packages: 8, files: 40, functions: 140, statements: 720, sql: 6}
	tools   = footing{packages: 10, files: 21, functions: 77, statements: 410}
)

// footing is how much code something crosses.
type footing struct{ packages, files, functions, statements, sql int }

// TestOneSignInStaysWithinItsBudget counts what one sign-in executes of our own
// code, by coverage counters that are cleared right before it.
func TestOneSignInStaysWithinItsBudget(t *testing.T) {
	dir := t.TempDir()
	bin, counters, profile := filepath.Join(dir, "signin"), filepath.Join(dir, "counters"), filepath.Join(dir, "profile")
	if err := os.Mkdir(counters, 0o755); err != nil {
		t.Fatal(err)
	}
	tool(t, "build", "-cover", "-covermode=atomic", "-coverpkg="+module+"...", "-o", bin, "./testdata/signin")
	run := exec.Command(bin, filepath.Join(dir, "data"), counters)
	run.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir()) // for what it writes by itself at its end
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tool(t, "tool", "covdata", "textfmt", "-i="+counters, "-o="+profile)
	got := crossed(t, profile)
	if _, err := fmt.Sscan(string(out), &got.sql); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	house, inside := got.split()
	t.Logf("house %+v of %+v, aim %+v; tools %+v of %+v", house, allowed, aim, inside, tools)
	if over(house, allowed) || over(inside, tools) {
		t.Error("one sign-in crosses more than is allowed")
	}
	if t.Failed() || testing.Verbose() {
		t.Log(strings.Join(got.list(), "\n"))
	}
}

type footprint struct {
	packages, files, functions map[string]int // statements in each
	statements, sql            int
}

// split tells the house from its tools.
func (f footprint) split() (house, tools footing) {
	of := func(name string) *footing {
		if strings.HasPrefix(name, "internal/") {
			return &tools
		}
		return &house
	}
	for p := range f.packages {
		of(p).packages++
	}
	for p := range f.files {
		of(p).files++
	}
	for p, n := range f.functions {
		of(p).functions++
		of(p).statements += n
	}
	house.sql = f.sql
	return house, tools
}

func over(got, most footing) bool {
	return got.packages > most.packages || got.files > most.files || got.functions > most.functions || got.statements > most.statements || got.sql > most.sql
}

func (f footprint) list() (out []string) {
	for fn, n := range f.functions {
		out = append(out, fmt.Sprintf("%s %d", fn, n))
	}
	sort.Strings(out)
	return out
}

// crossed reads a coverage profile: "path/file.go:12.3,14.5 statements count".
func crossed(t *testing.T, profile string) footprint {
	t.Helper()
	f, err := os.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := footprint{packages: map[string]int{}, files: map[string]int{}, functions: map[string]int{}}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, found := strings.Cut(lines.Text(), ":")
		file, ours := strings.CutPrefix(name, module)
		var line, col, line2, col2, n, count int
		if !found || !ours || strings.Contains(file, "testdata/") {
			continue
		}
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &line, &col, &line2, &col2, &n, &count); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		if count == 0 || n == 0 {
			continue
		}
		got.packages[path.Dir(file)] += n
		got.files[file] += n
		got.functions[file+" "+enclosing(t, file, line)] += n
		got.statements += n
	}
	return got
}

// enclosing names the function declaration around a line.
func enclosing(t *testing.T, file string, line int) string {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, filepath.Join("..", file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fset.Position(fn.Pos()).Line <= line && line <= fset.Position(fn.End()).Line {
			return fn.Name.Name
		}
	}
	return "?"
}

func tool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
