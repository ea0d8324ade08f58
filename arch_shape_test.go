package countersign_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// The limits. What they are measured against is in docs/decisions.
const (
	maxMethods   = 4
	maxFile      = 500
	maxFunction  = 80
	maxNinetieth = 45   // lines of the function that nine in ten stay below
	leastComment = 12.0 // per cent of lines; the aim is 15 to 25
	mostComment  = 30.0
)

// emptyNames say nothing about what is inside, so everything ends up there.
var emptyNames = []string{
	"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "managers", "registry",
	"provider", "providers", "service", "services", "types", "x",
}

func plainNames(t tree) (broken []string) {
	for _, name := range t.paths {
		for dir := name; dir != "."; dir = path.Dir(dir) {
			stem, _, _ := strings.Cut(path.Base(dir), ".")
			for word := range strings.FieldsFuncSeq(strings.ToLower(stem), func(r rune) bool { return r == '_' || r == '-' }) {
				complaint := fmt.Sprintf("%s: %q says nothing about what is in it", dir, word)
				if slices.Contains(emptyNames, word) && !slices.Contains(broken, complaint) {
					broken = append(broken, complaint)
				}
			}
		}
	}
	return broken
}

// smallInterfaces counts the methods of every interface, tests' own included.
// An embedded interface of ours counts with its methods; one of others, whose
// source is not here, counts once.
func smallInterfaces(t tree) (broken []string) {
	known := map[string]*ast.InterfaceType{} // "folder Name"
	constructs(t.sources, func(s source, n ast.Node) {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if i, ok := spec.Type.(*ast.InterfaceType); ok {
				known[s.dir+" "+spec.Name.Name] = i
			}
		}
	})
	constructs(t.sources, func(s source, n ast.Node) {
		i, ok := n.(*ast.InterfaceType)
		if !ok {
			return
		}
		if count := methods(s, i, known, nil); count > maxMethods {
			broken = append(broken, fmt.Sprintf("%s: an interface of %d methods, more than %d", t.at(i), count, maxMethods))
		}
	})
	return broken
}

func methods(s source, i *ast.InterfaceType, known map[string]*ast.InterfaceType, seen []*ast.InterfaceType) (count int) {
	if slices.Contains(seen, i) {
		return 0
	}
	seen = append(seen, i)
	for _, m := range i.Methods.List {
		if len(m.Names) > 0 {
			count += len(m.Names)
			continue
		}
		dir, name := s.dir, ""
		switch e := m.Type.(type) {
		case *ast.Ident:
			name = e.Name
		case *ast.SelectorExpr:
			dir, name = importedDir(s, e), e.Sel.Name
		default:
			continue // a union of types is no method
		}
		inner, ours := known[dir+" "+name]
		switch {
		case ours:
			count += methods(source{dir: dir, file: s.file}, inner, known, seen)
		case name != "comparable" && name != "any":
			count++
		}
	}
	return count
}

// importedDir finds which of our folders a qualified name is from.
func importedDir(s source, e *ast.SelectorExpr) string {
	x, ok := e.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, dir := range ours(s) {
		if path.Base(path.Join(module, dir)) == x.Name {
			return dir
		}
	}
	return ""
}

// sizes holds all files to one limit, and functions to theirs save in tests,
// where a long table is easier to read than a divided one.
func sizes(t tree) (broken []string) {
	for _, s := range t.sources {
		if s.lines > maxFile {
			broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d", s.path, s.lines, maxFile))
		}
	}
	for _, s := range t.product() {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && t.height(f) > maxFunction {
				broken = append(broken, fmt.Sprintf("%s: %s has %d lines, more than %d",
					t.at(f), f.Name.Name, t.height(f), maxFunction))
			}
		}
	}
	if p90 := ninetieth(functionLengths(t)); p90 > maxNinetieth {
		broken = append(broken, fmt.Sprintf("one function in ten has %d lines or more; the limit is %d", p90, maxNinetieth))
	}
	return broken
}

// height is the number of lines of a declaration without its comment.
func (t tree) height(f *ast.FuncDecl) int {
	return t.set.Position(f.End()).Line - t.set.Position(f.Type.Pos()).Line + 1
}

func functionLengths(t tree) (lines []int) {
	for _, s := range t.product() {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				lines = append(lines, t.height(f))
			}
		}
	}
	return lines
}

func ninetieth(lines []int) int {
	if len(lines) == 0 {
		return 0
	}
	slices.Sort(lines)
	return lines[len(lines)*9/10]
}

func commentShare(t tree) (broken []string) {
	if share := commentLines(t); share < leastComment || share > mostComment {
		broken = append(broken, fmt.Sprintf("%.1f %% of the lines are comments; it should be %.0f to %.0f",
			share, leastComment, mostComment))
	}
	return broken
}

// commentLines gives the share of comment lines among all lines of the product
// that have something on them, in per cent.
func commentLines(t tree) float64 {
	comments, written := 0, 0
	for _, s := range t.product() {
		about, used := map[int]bool{}, map[int]bool{}
		for _, g := range s.file.Comments {
			for _, c := range g.List {
				for l := t.set.Position(c.Pos()).Line; l <= t.set.Position(c.End()).Line; l++ {
					about[l] = true
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, comment := n.(*ast.CommentGroup); n == nil || comment {
				return false
			}
			for _, p := range []token.Pos{n.Pos(), n.End() - 1} {
				used[t.set.Position(p).Line] = true
			}
			return true
		})
		comments += len(about)
		for l := range about {
			used[l] = true
		}
		written += len(used)
	}
	return 100 * float64(comments) / float64(max(written, 1))
}
