package countersign_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

func noInit(t tree) (broken []string) {
	for _, s := range t.sources {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				broken = append(broken, t.at(f)+": an init function; pass what it makes as an argument")
			}
		}
	}
	return broken
}

// constantCalls make values that nothing changes afterwards. Go has no
// constants of these kinds, so a variable may hold them.
var constantCalls = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "template.Must", "strings.NewReplacer",
	"netip.MustParseAddr", "netip.MustParsePrefix", "netip.AddrFrom4", "netip.PrefixFrom",
	"language.MustParse", "idna.New", "time.Date", "reflect.TypeFor", "runtime.NumCPU",
	"base32.NewEncoding", "base32.NewEncoding().WithPadding", "base32.StdEncoding.WithPadding",
	"base64.NewEncoding", "base64.RawStdEncoding.Strict", "base64.RawURLEncoding.Strict",
}

// knownState is what the rule lets pass, each with its reason.
var knownState = map[string]string{
	"internal/testpg shared": "one PostgreSQL for all tests of a binary; testing has no other place to keep it",
}

// noState refuses package variables that are, or can come to be, different
// from what they were at the start. It allows tables, values by the calls
// above and embedded files, as long as nothing in the package writes to them.
func noState(t tree) (broken []string) {
	written := writes(t)
	for _, s := range t.product() {
		for _, d := range s.file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, sp := range decl.Specs {
				broken = append(broken, t.stateOf(s, decl, sp.(*ast.ValueSpec), written)...)
			}
		}
	}
	return broken
}

func (t tree) stateOf(s source, decl *ast.GenDecl, spec *ast.ValueSpec, written map[string]string) (broken []string) {
	embedded := directive(decl.Doc, "//go:embed") || directive(spec.Doc, "//go:embed")
	for i, name := range spec.Names {
		key := s.dir + " " + name.Name
		if name.Name == "_" || knownState[key] != "" {
			continue
		}
		where, changed := written[key]
		switch {
		case changed:
			broken = append(broken, fmt.Sprintf("%s: the global %s is written to at %s", t.at(name), name.Name, where))
		case embedded:
		case i >= len(spec.Values):
			broken = append(broken, fmt.Sprintf("%s: the global %s has no value to begin with", t.at(name), name.Name))
		case !constant(spec.Values[i]):
			broken = append(broken, fmt.Sprintf("%s: the global %s may hold state; make it a field or an argument", t.at(name), name.Name))
		}
	}
	return broken
}

func directive(doc *ast.CommentGroup, prefix string) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, prefix) })
}

// constant says whether an expression makes the same value in every run and
// that value has no insides to change behind one's back.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr:
		return true
	case *ast.ParenExpr:
		return constant(e.X)
	case *ast.UnaryExpr:
		return e.Op != token.ARROW && constant(e.X)
	case *ast.BinaryExpr:
		return constant(e.X) && constant(e.Y)
	case *ast.KeyValueExpr:
		return constant(e.Value)
	case *ast.CompositeLit:
		return !slices.ContainsFunc(e.Elts, func(x ast.Expr) bool { return !constant(x) && !plainFunction(x) }) && !stateful(e.Type)
	case *ast.CallExpr:
		return slices.Contains(constantCalls, dotted(e.Fun)) || conversion(e)
	default:
		return false
	}
}

// plainFunction lets tables hold functions, which is how one dispatches.
func plainFunction(e ast.Expr) bool {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		e = kv.Value
	}
	_, ok := e.(*ast.FuncLit)
	return ok
}

// stateful types are there to be changed, however they are spelled.
func stateful(e ast.Expr) bool {
	name := dotted(e)
	return strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "atomic.")
}

// conversion recognises []byte("…") and the like.
func conversion(e *ast.CallExpr) bool {
	switch e.Fun.(type) {
	case *ast.ArrayType, *ast.ParenExpr:
		return len(e.Args) == 1 && constant(e.Args[0])
	default:
		return false
	}
}

func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	case *ast.IndexExpr:
		return dotted(e.X)
	case *ast.CallExpr:
		return dotted(e.Fun) + "()"
	default:
		return ""
	}
}

// writes finds the places that assign to a package variable, to an element or
// field of it, or take its address; the key is "folder name".
func writes(t tree) map[string]string {
	found, globals := map[string]string{}, packageLevel(t)
	constructs(t.product(), func(s source, n ast.Node) {
		var targets []ast.Expr
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				targets = n.Lhs
			}
		case *ast.IncDecStmt:
			targets = []ast.Expr{n.X}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				targets = []ast.Expr{n.X}
			}
		case *ast.CallExpr:
			if f := dotted(n.Fun); f == "delete" || f == "clear" || f == "copy" {
				targets = n.Args[:1]
			}
		}
		for _, target := range targets {
			if id := innermost(target); id != nil && (id.Obj == nil || globals[id.Obj.Decl]) {
				found[s.dir+" "+id.Name] = t.at(id)
			}
		}
	})
	return found
}

// innermost gives x of x, x.f, x[i] and *x.
func innermost(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return innermost(e.X)
	case *ast.IndexExpr:
		return innermost(e.X)
	case *ast.StarExpr:
		return innermost(e.X)
	case *ast.ParenExpr:
		return innermost(e.X)
	default:
		return nil
	}
}

// packageLevel gives the declarations outside functions. A name that another
// file of the package declares is not resolved by the parser, and counts as
// global too; types would be surer, but need every dependency compiled.
func packageLevel(t tree) map[any]bool {
	globals := map[any]bool{}
	for _, s := range t.product() {
		for _, d := range s.file.Decls {
			if decl, ok := d.(*ast.GenDecl); ok {
				for _, spec := range decl.Specs {
					globals[spec] = true
				}
			}
		}
	}
	return globals
}

// noSleep lets tests sleep only in the bubble of testing/synctest, whose clock
// costs no time.
func noSleep(t tree) (broken []string) {
	constructs(t.sources, func(s source, n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if ok && s.test && dotted(call.Fun) == "time.Sleep" && !slices.Contains(imports(s), "testing/synctest") {
			broken = append(broken, t.at(call)+": a test that sleeps; use a fake clock or testing/synctest")
		}
	})
	return broken
}

func noLater(t tree) (broken []string) {
	later := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	for _, s := range t.sources {
		for _, g := range s.file.Comments {
			for _, c := range g.List {
				if word := later.FindString(c.Text); word != "" {
					broken = append(broken, fmt.Sprintf("%s: a %s; do it, or write an issue", t.at(c), word))
				}
			}
		}
	}
	return broken
}
