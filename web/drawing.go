package web

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"slices"
	"strings"
)

// drawn are the elements and attributes that a drawing may have: shapes and
// colours. Nothing here can run, load, link or be styled.
var drawn = map[string][]string{
	"svg":  {"viewBox", "width", "height", "shape-rendering", "fill"},
	"g":    {"fill", "stroke", "transform"},
	"rect": {"x", "y", "width", "height", "fill"},
	"path": {"d", "fill", "stroke", "stroke-width"},
}

var errDrawing = errors.New("web: not a drawing of plain shapes")

// draw reads an SVG and writes it anew, so that what a browser reads is what was
// looked at. Anything but plain shapes is refused. label is what it is called,
// in the reader's language; the drawing's own is left out.
func draw(svg, label string) (template.HTML, error) {
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(svg))
	var open []string
	done := false
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", errDrawing
		}
		switch e := token.(type) {
		case xml.StartElement:
			allowed, ok := drawn[e.Name.Local]
			if !ok || e.Name.Space != "" || done || (len(open) == 0) != (e.Name.Local == "svg") {
				return "", errDrawing
			}
			b.WriteString("<" + e.Name.Local)
			if len(open) == 0 {
				b.WriteString(` role="img" aria-label="` + template.HTMLEscapeString(label) + `"`)
			}
			for _, a := range e.Attr {
				if !plain(a, allowed) {
					return "", errDrawing
				}
				if a.Name.Local != "xmlns" && a.Name.Local != "role" && a.Name.Local != "aria-label" {
					b.WriteString(" " + a.Name.Local + `="` + template.HTMLEscapeString(a.Value) + `"`)
				}
			}
			b.WriteString(">")
			open = append(open, e.Name.Local)
		case xml.EndElement:
			if len(open) == 0 || e.Name.Space != "" || e.Name.Local != open[len(open)-1] {
				return "", errDrawing
			}
			b.WriteString("</" + e.Name.Local + ">")
			open = open[:len(open)-1]
			done = len(open) == 0
		case xml.CharData:
			if strings.TrimSpace(string(e)) != "" {
				return "", errDrawing
			}
		default: // comments, directives, processing instructions
			return "", errDrawing
		}
	}
	if !done || len(open) > 0 {
		return "", errDrawing
	}
	return template.HTML(b.String()), nil
}

func plain(a xml.Attr, allowed []string) bool {
	return a.Name.Space == "" && (slices.Contains(allowed, a.Name.Local) || slices.Contains([]string{"xmlns", "role", "aria-label"}, a.Name.Local))
}

// Drawing is a picture that the method shows, put into the page; nothing where it
// is none. A form can be filled in without it.
func (f *form) Drawing(name string) template.HTML {
	svg, ok := f.Shown[name].(string)
	if !ok {
		return ""
	}
	drawing, err := draw(svg, f.T("enroll.drawing"))
	if err != nil {
		return ""
	}
	return drawing
}

// ShownText carries what a method showed from one try to the next, for a field
// that its reader sends back: it is never kept here.
func (f *form) ShownText() string {
	if f.Shown == nil {
		return ""
	}
	text, err := json.Marshal(f.Shown)
	if err != nil {
		return ""
	}
	return string(text)
}

// shownOf reads what a method shows; nil for what is no object. It may have come
// back from a browser, so it is no more than text to be shown to whoever sent it.
func shownOf(text []byte) map[string]any {
	var all map[string]any
	if len(text) == 0 || json.Unmarshal(text, &all) != nil {
		return nil
	}
	return all
}
