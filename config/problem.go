package config

import (
	"strconv"
	"strings"
)

// Problem is one thing wrong with the configuration, in words an operator can
// act on. It never holds the value of a secret, of a URL or of a file.
type Problem struct {
	Source string `json:"source,omitempty"` // the file, the environment variable or "--set"; empty for a default
	Line   int    `json:"line,omitempty"`   // of the file, from 1; 0 where there is none
	Key    string `json:"key,omitempty"`    // "server.listen"
	Wrong  string `json:"wrong"`            // "unknown key"
	Try    string `json:"try,omitempty"`    // "did you mean server.listen?"
}

// Error says it all in one line: source:line: key: what is wrong; what to do.
func (p Problem) Error() string {
	var b strings.Builder
	if p.Source != "" {
		b.WriteString(p.Source)
		if p.Line > 0 {
			b.WriteString(":" + strconv.Itoa(p.Line))
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Wrong)
	if p.Try != "" {
		b.WriteString("; " + p.Try)
	}
	return b.String()
}

// Problems is everything wrong at once, in the order it was found: the file
// from top to bottom, the environment, --set, then what does not fit together.
type Problems []Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// origin is where a value came from.
type origin struct {
	source string // as Problem.Source
	line   int
	file   string // what "file:" named, when the value was read from there
}

func (o origin) problem(key, wrong, try string) Problem {
	return Problem{Source: o.source, Line: o.line, Key: key, Wrong: wrong, Try: try}
}

// nearest returns the known name that takes the fewest edits to reach. A last
// word that is right in the wrong section counts as one edit, because people
// remember "min_length" before they remember "password".
func nearest(name string, known []string) string {
	best, least := "", 1<<30
	for _, k := range known {
		d := distance(name, k)
		if last(name) == last(k) {
			d = min(d, distance(head(name), head(k))/4) // the right word in another section
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

func head(key string) string { return strings.TrimSuffix(key[:len(key)-len(last(key))], ".") }

// distance is Levenshtein's, of the first 64 bytes: names are short, and a file
// with a hostile one must not cost seconds.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// shown is a key as it can be printed on one line.
func shown(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = p
		if !bare(p) {
			parts[i] = strconv.Quote(p[:min(len(p), 64)])
		}
	}
	return strings.Join(parts, ".")
}

// bare reports whether TOML needs no quotes around the name.
func bare(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
