package config

import (
	"bytes"
	"errors"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// entry is one value someone wrote for one key, not yet checked.
type entry struct {
	path  []string
	value any  // as setting.assign takes it, or a raw
	table bool // only a section's header, no value
	from  origin
}

// raw is a value without a type, from the environment or --set.
type raw string

// other is a TOML value that no setting takes: a date, a number with a fraction.
type other struct{}

// mostBytes bounds the file; a config is a few KiB.
const mostBytes = 1 << 20

// document walks a TOML file. The syntax tree is used instead of a decoder,
// because only it knows the line of every value; its package is called unstable
// because its API may change, which a build shows.
type document struct {
	name    string
	starts  []int // offset of each line
	parser  unstable.Parser
	entries []entry
}

// parse returns every value in the file, with its line. When the syntax is
// broken it returns what stands before the mistake, and the mistake.
func parse(name string, text []byte) ([]entry, Problems) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors put a byte order mark in front
	if len(text) > mostBytes {
		return nil, Problems{{Source: name, Wrong: "is larger than 1 MiB", Try: "is it the right file?"}}
	}
	d := document{name: name, starts: []int{0}}
	for i, c := range text {
		if c == '\n' {
			d.starts = append(d.starts, i+1)
		}
	}
	d.parser.Reset(text)
	var section []string
	for d.parser.NextExpression() {
		switch n := d.parser.Expression(); n.Kind {
		case unstable.Table, unstable.ArrayTable:
			path, line := d.key(nil, n.Key())
			section = path
			e := entry{path: path, table: n.Kind == unstable.Table, from: origin{source: name, line: line}}
			if !e.table {
				e.value = other{} // [[name]] is a list, and there are no lists of sections
			}
			d.entries = append(d.entries, e)
		case unstable.KeyValue:
			d.add(section, n)
		}
	}
	return d.entries, d.syntax(text)
}

// syntax asks the decoder proper, which also refuses what the tree alone allows:
// keys given twice, bad UTF-8, impossible dates.
func (d *document) syntax(text []byte) Problems {
	var into map[string]any
	err := toml.Unmarshal(text, &into)
	if err == nil {
		return nil
	}
	p := Problem{Source: d.name, Wrong: "is not valid TOML"}
	var where *toml.DecodeError
	if errors.As(err, &where) {
		p.Line, _ = where.Position()
		// Some messages quote the text at fault, and it may be a secret without its quotes.
		if m := strings.TrimPrefix(where.Error(), "toml: "); !strings.Contains(m, "\"") {
			p.Wrong += ": " + m
		}
	}
	p.Try = "text goes in quotes, a section is [name], a key stands once"
	return Problems{p}
}

// add takes a key and its value; inline tables and dotted keys become paths.
func (d *document) add(section []string, n *unstable.Node) {
	path, line := d.key(section, n.Key())
	if n.Value().Kind == unstable.InlineTable {
		d.entries = append(d.entries, entry{path: path, table: true, from: origin{source: d.name, line: line}})
		for it := n.Value().Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				d.add(path, it.Node())
			}
		}
		return
	}
	d.entries = append(d.entries, entry{path: path, value: value(n.Value()), from: origin{source: d.name, line: line}})
}

// key joins the parts of a key to its section and finds the line it starts on.
func (d *document) key(section []string, it unstable.Iterator) (path []string, line int) {
	path = append(path, section...)
	for it.Next() {
		n := it.Node()
		if line == 0 {
			line = sort.SearchInts(d.starts, int(n.Raw.Offset)+1)
		}
		path = append(path, string(n.Data))
	}
	return path, line
}

// value copies a node, because the parser uses its memory again.
func value(n *unstable.Node) any {
	switch n.Kind {
	case unstable.String:
		return string(n.Data)
	case unstable.Bool:
		return string(n.Data) == "true"
	case unstable.Integer:
		v, err := strconv.ParseInt(strings.ReplaceAll(string(n.Data), "_", ""), 0, 64)
		if err != nil {
			return other{}
		}
		return v
	case unstable.Array:
		list := []any{}
		for it := n.Children(); it.Next(); {
			list = append(list, value(it.Node()))
		}
		return list
	}
	return other{}
}
