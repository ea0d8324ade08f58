package countersign_test

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	// parts that processes build on. The ways to prove identity are not among
	// them: no process knows a method by name.
	parts = "session token ca guard risk notify audit"
	// processes that doors open to.
	processes = "login account admin oidc"
)

// mayImport says which of our folders a folder may import. "proof/*" means
// every folder below proof, "internal" every small tool, "." the root package.
// A folder that is not listed breaks the rule: a new one must say where it
// belongs, and that is a decision.
var mayImport = map[string]string{
	// The words know nobody, and those who only speak them know no more.
	".":      "",
	"client": ".",
	"guard":  ".",

	// Parts know the words, never each other.
	"proof/*": ". internal",
	"session": ". internal",
	"token":   ". internal",
	"ca":      ". internal",
	"risk":    ". internal",
	"notify":  ". internal",
	"audit":   ". internal",

	// Processes know words and parts.
	"login":       ". internal " + parts,
	"account":     ". internal " + parts,
	"admin":       ". internal " + parts,
	"oidc":        ". internal oidc/grants " + parts,
	"oidc/grants": ". internal " + parts,

	// Doors know processes, and the session a browser carries.
	"web": ". internal session " + processes,
	"api": ". internal session " + processes,

	"store":            ". internal",
	"store/migrations": "",
	"config":           ". internal",
	"internal/*":       ". internal",

	// Wiring knows everyone.
	"server":          "all",
	"cmd/countersign": "all",
	"countersigntest": "all",
	"bench":           "all",
	"bench/*":         "all",
	"examples/*":      "all",
	"acceptance":      "all", // tests of the whole, from outside
}

func arrows(t tree) (broken []string) {
	complain := func(format string, args ...any) {
		// One line for each pair of folders, not for each file.
		if line := fmt.Sprintf(format, args...); !slices.Contains(broken, line) {
			broken = append(broken, line)
		}
	}
	for _, s := range t.product() {
		may, listed := allowed(s.dir)
		if !listed {
			complain("%s: no rule for this folder; say in arch_arrows_test.go where it belongs", s.dir)
			continue
		}
		for _, to := range ours(s) {
			testTool := strings.HasPrefix(to, "internal/test")
			if testTool && !strings.HasPrefix(s.dir, "internal/test") {
				complain("%s must not import %s, which is for tests", s.dir, to)
			}
			if may != "all" && !slices.Contains(strings.Fields(may), group(to)) {
				complain("%s must not import %s", s.dir, to)
			}
		}
	}
	return broken
}

// allowed looks a folder up, then the folders above it with a star.
func allowed(dir string) (may string, listed bool) {
	if may, listed = mayImport[dir]; listed {
		return may, true
	}
	for up := path.Dir(dir); up != "."; up = path.Dir(up) {
		if may, listed = mayImport[up+"/*"]; listed {
			return may, true
		}
	}
	return "", false
}

// group is the word by which mayImport allows a folder.
func group(dir string) string {
	if strings.HasPrefix(dir, "internal/") {
		return "internal"
	}
	return dir
}

// ours gives the folders of this repository that a file imports.
func ours(s source) (dirs []string) {
	for _, name := range imports(s) {
		if name == module {
			dirs = append(dirs, ".")
		} else if dir, yes := strings.CutPrefix(name, module+"/"); yes {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func imports(s source) (names []string) {
	for _, spec := range s.file.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// stranger is a package of others that only some folders may know.
type stranger struct {
	prefix string
	only   string // the folders that may import it; "!" turns the list round
	why    string
}

var sealedOff = []stranger{
	{"database/sql", "store bench", "SQL lives in store"},
	{"github.com/jackc/pgx", "store bench internal/testpg", "SQL lives in store"},
	{"modernc.org/sqlite", "store bench", "SQL lives in store"},
	{"github.com/pressly/goose", "store", "migrations live in store"},
	{"github.com/danielgtaylor/huma", "api server", "one JSON door, so that it can be exchanged"},
	{"net/http", "! . store proof login account admin session audit config", "only doors see HTTP"},
	{"os", "! . login account session", "they are told, they do not look around"},
	{"github.com/chromedp", "internal/testbrowser", "browsers are for tests"},
}

// standardOnly are the folders that other people's programs import; they bring
// no dependency along. A path of the standard library has no dot in its first part.
var standardOnly = []string{".", "guard", "client"}

func strangers(t tree) (broken []string) {
	for _, s := range t.product() {
		for _, name := range imports(s) {
			first, _, _ := strings.Cut(name, "/")
			if slices.Contains(standardOnly, s.dir) && strings.Contains(first, ".") && !strings.HasPrefix(name, module) {
				broken = append(broken, fmt.Sprintf("%s imports %s: standard library only", s.path, name))
			}
			for _, x := range sealedOff {
				if (name == x.prefix || strings.HasPrefix(name, x.prefix+"/")) && !x.admits(s.dir) {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", s.path, name, x.why))
				}
			}
		}
	}
	return broken
}

// admits says whether a folder may import the stranger; a listed folder stands
// for those below it.
func (x stranger) admits(dir string) bool {
	list, except := strings.CutPrefix(x.only, "! ")
	named := slices.ContainsFunc(strings.Fields(list), func(f string) bool {
		return dir == f || f != "." && strings.HasPrefix(dir, f+"/")
	})
	return named != except
}
