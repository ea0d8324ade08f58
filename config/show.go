package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Show writes the effective configuration with its secrets hidden, as TOML that
// can be loaded again, or as a JSON object of "section.key": {value, source}.
// Where a value is no default the line says where it came from. A value that
// came from a file ("file:/path") is shown as that name, never as its content.
func (c Config) Show(w io.Writer, asJSON bool) error {
	var b bytes.Buffer
	if asJSON {
		c.showJSON(&b)
	} else {
		c.showTOML(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (c Config) showTOML(b *bytes.Buffer) {
	section := ""
	for i, s := range settings(&c) {
		if h := head(s.key); h != section {
			section = h
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString("[" + h + "]\n")
		}
		o, set := c.origins[s.key]
		b.WriteString(last(s.key) + " = " + string(literal(s, o)))
		if set {
			b.WriteString(" # " + o.String())
		}
		b.WriteByte('\n')
	}
}

func (c Config) showJSON(b *bytes.Buffer) {
	type shownValue struct {
		Value  json.RawMessage `json:"value"`
		Source string          `json:"source"`
		Line   int             `json:"line,omitempty"`
	}
	b.WriteString("{")
	for i, s := range settings(&c) {
		o, set := c.origins[s.key]
		v := shownValue{Value: literal(s, o), Source: o.source, Line: o.line}
		if !set {
			v.Source = "default"
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(b, "\n  %q: %s", s.key, encode(v))
	}
	b.WriteString("\n}\n")
}

// String is "countersign.toml:3", "COUNTERSIGN_SERVER__LISTEN" or "--set".
func (o origin) String() string {
	if o.line > 0 {
		return o.source + ":" + strconv.Itoa(o.line)
	}
	return o.source
}

// literal is a value in the notation that TOML and JSON share.
func literal(s setting, o origin) []byte {
	if o.file != "" {
		return encode("file:" + o.file)
	}
	if words, ok := s.words(); ok {
		parts := make([]string, len(words))
		for i, w := range words {
			parts[i] = string(encode(w))
		}
		return []byte("[" + strings.Join(parts, ", ") + "]")
	}
	switch s.value.Interface().(type) {
	case bool, int:
		return []byte(s.text())
	}
	return encode(s.text())
}

// encode writes JSON without escaping for HTML; a JSON string is a TOML basic string too.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts and numbers always encode
	return bytes.TrimSpace(b.Bytes())
}
