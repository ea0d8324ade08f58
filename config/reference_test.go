package config

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const preface = `# Settings

*Made from the comments in config/config.go by its test; do not edit.*

Countersign needs no settings to start. What you do set comes from, the later winning:

1. one TOML file, named with ` + "`--config FILE`" + `:
   ` + "`listen = \"127.0.0.1:9000\"` under `[server]`" + `
2. the environment, sections parted by two underscores:
   ` + "`COUNTERSIGN_SERVER__LISTEN=127.0.0.1:9000`" + `
3. the command line, as often as needed:
   ` + "`--set server.listen=127.0.0.1:9000`" + `

A value ` + "`file:/path`" + ` is replaced by what that file holds, without the newline at its end: use it for secrets.
A relative path starts at the working directory.
` + "`countersign config check`" + ` names every mistake at once, with its file, line, key and cure;
` + "`countersign config show`" + ` prints what is in force and where it came from, with secrets hidden.

How values are written: a length of time as ` + "`500ms`, `10m`, `12h`, `30d`, `1d12h`" + `; a size as ` + "`64MiB`" + `;
a limit as ` + "`20/1h`, or `1/1m,5/1h` where both must hold" + `. In the file these and all texts stand in quotes; numbers and
true or false do not; lists are ` + "`[\"a\", \"b\"]`" + `. Outside the file lists are parted by commas.
`

func TestTheReferenceIsWhatTheCodeSays(t *testing.T) {
	docs := comments(t)
	var b bytes.Buffer
	b.WriteString(preface)
	section := ""
	for _, s := range settings(&Config{}) {
		if h := head(s.key); h != section {
			section = h
			fmt.Fprintf(&b, "\n## %s\n\n| key | value | default | |\n| --- | --- | --- | --- |\n", h)
		}
		doc := docs[s.key]
		if doc == "" {
			t.Errorf("%s has no comment", s.key)
		}
		if (s.tag.Get("min") == "") != (s.tag.Get("max") == "") {
			t.Errorf("%s has one bound only", s.key)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", last(s.key), takes(s), standard(s), strings.ReplaceAll(doc, "|", "\\|"))
	}
	golden(t, "../docs/config.md", b.Bytes())
}

func takes(s setting) string {
	if of := s.tag.Get("oneof"); of != "" {
		return "`" + strings.Join(strings.Fields(of), "`, `") + "`"
	}
	kind := strings.TrimPrefix(s.kind(), "a ")
	if s.tag.Get("min") != "" {
		return kind + ", " + s.tag.Get("min") + " to " + s.tag.Get("max")
	}
	return kind
}

func standard(s setting) string {
	d := s.tag.Get("default")
	if d == "" {
		return ""
	}
	if _, list := s.words(); list {
		d = `["` + strings.Join(strings.Split(d, ","), `", "`) + `"]`
	}
	return "`" + d + "`"
}

// comments reads the comment above every tagged field of Config.
func comments(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	var walk func(prefix string, s *ast.StructType)
	walk = func(prefix string, s *ast.StructType) {
		for _, f := range s.Fields.List {
			if f.Tag == nil {
				continue
			}
			text, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			key := prefix + reflect.StructTag(text).Get("toml")
			if inner, ok := f.Type.(*ast.StructType); ok {
				walk(key+".", inner)
				continue
			}
			docs[key] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "Config" {
			walk("", spec.Type.(*ast.StructType))
		}
		return true
	})
	return docs
}
