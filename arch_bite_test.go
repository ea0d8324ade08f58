package countersign_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// bite is a repository of a few lines and what a rule says of it: want is part
// of the complaint, or empty where there must be none. In files, a line
// "-- name --" begins a file.
type bite struct {
	rule        rule
	files, want string
}

func TestTheRulesBite(t *testing.T) {
	for name, b := range bites() {
		t.Run(name, func(t *testing.T) {
			said := strings.Join(b.rule(repository(t, b.files)), "\n")
			if b.want == "" && said != "" || !strings.Contains(said, b.want) {
				t.Errorf("the rule says %q, want %q", said, b.want)
			}
		})
	}
}

// TestEveryRuleBites is there for the next rule: one that was never seen to
// fail protects nothing, so whoever adds one must break it below as well.
func TestEveryRuleBites(t *testing.T) {
	broken := map[uintptr]bool{}
	for _, b := range bites() {
		if b.want != "" {
			broken[reflect.ValueOf(b.rule).Pointer()] = true
		}
	}
	for name, r := range houseRules {
		if !broken[reflect.ValueOf(r).Pointer()] {
			t.Errorf("%s: nothing below breaks this rule", name)
		}
	}
}

func bites() map[string]bite {
	return map[string]bite{
		"a part knows another part": {arrows,
			"-- session/a.go --\npackage session\nimport _ \"" + module + "/audit\"", "session must not import audit"},
		"a process knows a method": {arrows,
			"-- login/a.go --\npackage login\nimport _ \"" + module + "/proof/password\"", "login must not import proof/password"},
		"a door knows the store": {arrows,
			"-- web/a.go --\npackage web\nimport _ \"" + module + "/store\"", "web must not import store"},
		"the words know a tool": {arrows,
			"-- a.go --\npackage countersign\nimport _ \"" + module + "/internal/ids\"", ". must not import internal/ids"},
		"a small tool knows a part": {arrows,
			"-- internal/ids/a.go --\npackage ids\nimport _ \"" + module + "/session\"", "internal/ids must not import session"},
		"a folder nobody decided on": {arrows, "-- shiny/a.go --\npackage shiny", "shiny: no rule for this folder"},
		"a folder in a folder, undecided": {arrows, "-- login/deep/a.go --\npackage deep",
			"login/deep: no rule for this folder"},
		"the binary carries a test tool": {arrows,
			"-- server/a.go --\npackage server\nimport _ \"" + module + "/internal/testpg\"", "which is for tests"},
		"a part and a process as they should be": {arrows,
			"-- session/a.go --\npackage session\nimport (\n_ \"" + module + "\"\n_ \"" + module + "/internal/ids\"\n)\n" +
				"-- login/a.go --\npackage login\nimport _ \"" + module + "/session\"\n" +
				"-- proof/code/a.go --\npackage code\nimport _ \"" + module + "\"", ""},
		"a test may import what it likes": {arrows,
			"-- session/a_test.go --\npackage session\nimport _ \"" + module + "/store\"", ""},

		"SQL in a handler":          {strangers, "-- web/a.go --\npackage web\nimport _ \"database/sql\"", "SQL lives in store"},
		"HTTP in the store":         {strangers, "-- store/a.go --\npackage store\nimport _ \"net/http\"", "only doors see HTTP"},
		"HTTP in a method":          {strangers, "-- proof/code/a.go --\npackage code\nimport _ \"net/http/httputil\"", "only doors see HTTP"},
		"a dependency in guard":     {strangers, "-- guard/a.go --\npackage guard\nimport _ \"golang.org/x/crypto/argon2\"", "standard library only"},
		"SQL in store, HTTP in web": {strangers, "-- store/a.go --\npackage store\nimport _ \"database/sql\"\n-- web/a.go --\npackage web\nimport _ \"net/http\"", ""},

		"a folder named util":            {plainNames, "-- internal/util/a.go --\npackage util", `"util" says nothing`},
		"a file named session_manager":   {plainNames, "-- session/session_manager.go --\npackage session", `"manager" says nothing`},
		"a style sheet named base":       {plainNames, "-- web/static/base.css --\nbody{}", `"base" says nothing`},
		"a word that contains a bad one": {plainNames, "-- session/database.go --\npackage session", ""},

		"five methods": {smallInterfaces,
			"-- a.go --\npackage countersign\ntype I interface { A(); B(); C(); D(); E() }", "an interface of 5 methods"},
		"three and two embedded": {smallInterfaces,
			"-- a.go --\npackage countersign\ntype Two interface { A(); B() }\n" +
				"-- login/a.go --\npackage login\nimport \"" + module + "\"\ntype I interface { countersign.Two; C(); D(); E() }",
			"login/a.go:3: an interface of 5 methods"},
		"five methods without a name": {smallInterfaces,
			"-- a.go --\npackage countersign\nfunc F(interface { A(); B(); C(); D(); E() }) {}", "an interface of 5 methods"},
		"four methods and a union of types": {smallInterfaces,
			"-- a.go --\npackage countersign\ntype I interface { A(); B(); C(); D() }\ntype N interface { ~int | ~uint | ~string }", ""},

		"a long file":                {sizes, "-- a.go --\npackage countersign\n" + strings.Repeat("\n", 500), "a.go has 501 lines"},
		"a long function":            {sizes, function("F", 79), "F has 81 lines"},
		"functions that are longish": {sizes, function("F", 44), "one function in ten has 46 lines"},
		"readable functions":         {sizes, function("F", 43), ""},

		"no comments":       {commentShare, function("F", 40), "0.0 % of the lines are comments"},
		"nothing but them":  {commentShare, "-- a.go --\npackage countersign\n// a\n// b\n// c", "75.0 % of the lines are comments"},
		"reasons and limit": {commentShare, "-- a.go --\n// Package countersign.\npackage countersign\nvar a = 1\nvar b = 2\nvar c = 3", ""},

		"twenty-one names": {fewNames, "-- a.go --\npackage countersign\n" + letters(21, "const N%c = 1\n"), "21.0 names on average"},
		"twenty names, and what nobody sees": {fewNames,
			"-- a.go --\npackage countersign\n" + letters(20, "const N%c = 1\n") + "const n = 1\ntype t int\nfunc (t) M() {}", ""},

		"an init function": {noInit, "-- a.go --\npackage countersign\nfunc init() {}", "an init function"},
		"a method of that name": {noInit,
			"-- a.go --\npackage countersign\ntype t int\nfunc (t) init() {}", ""},

		"a mutex":                        {noState, "-- a.go --\npackage countersign\nvar mu sync.Mutex", "mu has no value to begin with"},
		"a struct that holds a mutex":    {noState, "-- a.go --\npackage countersign\nvar mu = sync.Map{}", "mu may hold state"},
		"a clock as a global":            {noState, "-- a.go --\npackage countersign\nvar now = func() int { return 1 }", "now may hold state"},
		"a made map":                     {noState, "-- a.go --\npackage countersign\nvar m = make(map[string]int)", "m may hold state"},
		"a table that is written to":     {noState, "-- a.go --\npackage countersign\nvar m = map[string]int{\"a\": 1}\nfunc f() { m[\"b\"] = 2 }", "m is written to at a.go:3"},
		"written to from another file":   {noState, "-- a.go --\npackage countersign\nvar n = 1\n-- b.go --\npackage countersign\nfunc f() { n++ }", "n is written to at b.go:2"},
		"whose address is taken":         {noState, "-- a.go --\npackage countersign\nvar n = 1\nfunc f() *int { return &n }", "n is written to at a.go:3"},
		"a table from which one deletes": {noState, "-- a.go --\npackage countersign\nvar m = map[string]int{}\nfunc f() { delete(m, \"a\") }", "m is written to"},
		"errors, tables, patterns, files, proofs of interfaces": {noState,
			"-- a.go --\npackage countersign\nvar ErrA = errors.New(\"a\")\nvar re = regexp.MustCompile(\"a\")\n" +
				"var table = map[string][]int{\"a\": {1, 2}}\nvar _ I = (*t)(nil)\n//go:embed a.txt\nvar text string\nvar b = []byte(\"b\")", ""},
		"a local of the same name": {noState,
			"-- a.go --\npackage countersign\nvar n = 1\nfunc f() { var n int; n++; m := n; m++ }", ""},

		"a test that sleeps":      {noSleep, "-- a_test.go --\npackage countersign\nfunc f() { time.Sleep(1) }", "a test that sleeps"},
		"a sleep that takes none": {noSleep, "-- a_test.go --\npackage countersign\nimport _ \"testing/synctest\"\nfunc f() { time.Sleep(1) }", ""},
		"something for later":     {noLater, "-- a.go --\npackage countersign\n// TO" + "DO: later", "do it, or write an issue"},
		"a note of another kind":  {noLater, "-- a.go --\npackage countersign\n// The mastodon is gone.", ""},

		"a dependency nobody explained": {decidedDependencies, "-- go.mod --\nrequire example.org/thing v1.0.0", "example.org/thing: no line"},
		"a dependency in a block": {decidedDependencies,
			"-- go.mod --\nmodule m\n\nrequire (\n\texample.org/thing v1.0.0\n\texample.org/other v1.0.0 // indirect\n)", "example.org/thing: no line"},
		"an explained one, and one that came along": {decidedDependencies,
			"-- go.mod --\nrequire (\n\texample.org/thing v1.0.0\n\texample.org/other v1.0.0 // indirect\n)\n" +
				"-- docs/decisions/0001-thing.md --\nexample.org/thing: because.", ""},
	}
}

func TestPublicAPI(t *testing.T) {
	got := publicAPI(repository(t, `-- session/a.go --
package session
// Open opens.
func Open(ctx context.Context,
	secret string) error { return nil }
type Store interface { Save(int) error }
type Session struct { ID string `+"`json:\"id\"`"+`; hidden int }
func (s *Session) Close() {}
func (l lock) Lock() {}
type lock int
const Size, small = 3, 4
var ErrGone = errors.New("gone")
-- session/a_test.go --
package session
func TestNothing() {}
-- internal/ids/a.go --
package ids
func New() {}
-- cmd/countersign/main.go --
package main
func Main() {}
-- a.go --
package countersign
type ID string
`))
	want := `.: type ID string
session: const Size = 3
session: field Session.ID string ` + "`json:\"id\"`" + `
session: func (s *Session) Close()
session: func Open(ctx context.Context, secret string) error
session: type Session struct
session: type Store interface{ Save(int) error }
session: var ErrGone
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// repository makes a tree of files in memory.
func repository(t *testing.T, files string) tree {
	t.Helper()
	root, name := fstest.MapFS{}, ""
	for line := range strings.Lines(files) {
		if next, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(next), " --")
			root[name] = &fstest.MapFile{}
			continue
		}
		root[name].Data = append(root[name].Data, line...)
	}
	read, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// function writes a file with one function of n lines between its first and last.
func function(name string, n int) string {
	return "-- a.go --\npackage countersign\nfunc " + name + "() {\n" + strings.Repeat("f()\n", n) + "}\n"
}

// letters writes a line for each of the first n letters.
func letters(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "%c", string(rune('A'+i))))
	}
	return b.String()
}
