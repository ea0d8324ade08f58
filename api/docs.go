package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign-id/countersign/internal/door"
)

//go:embed docs.html
var pageText string

//go:embed docs.css
var styleSheet []byte

// The page for people is made from the same routes as the document. It needs no
// script and loads nothing but its own style sheet.
type (
	docPage struct {
		Name, Version, Origin string
		Groups                []docGroup
		Errors                []docError
	}
	docGroup struct {
		Name, Anchor string
		Calls        []docCall
	}
	docCall struct {
		Anchor, Method, Path, Summary, About string
		Open                                 bool
		Params, Fields, Answer               []docField
		Status                               int
		StatusText, Example, Curl            string
		Errors                               []docError
	}
	docField struct {
		Name, Type, About string
		Required          bool
	}
	docError struct {
		Code, Title string
		Status      int
	}
)

// page renders the whole of it once; html/template escapes what examples hold.
func (b *book) page(doc *huma.OpenAPI) []byte {
	p := docPage{Name: b.api.name(), Version: b.api.version(), Origin: b.api.origin()}
	for _, tag := range doc.Tags {
		g := docGroup{Name: tag.Name, Anchor: strings.ReplaceAll(strings.ToLower(tag.Name), " ", "-")}
		for _, rt := range b.routes {
			if rt.tag == tag.Name {
				g.Calls = append(g.Calls, b.describe(rt))
			}
		}
		p.Groups = append(p.Groups, g)
	}
	for code := range doc.Components.Examples {
		p.Errors = append(p.Errors, failureOf(code))
	}
	slices.SortFunc(p.Errors, func(a, b docError) int { return strings.Compare(a.Code, b.Code) })
	var text bytes.Buffer
	if err := template.Must(template.New("docs").Parse(pageText)).Execute(&text, p); err != nil {
		panic("api: the page: " + err.Error())
	}
	return text.Bytes()
}

func failureOf(code string) docError {
	status, title, _ := door.Status(code)
	return docError{code, title, status}
}

func (b *book) describe(rt *route) docCall {
	c := docCall{Anchor: rt.id(), Method: rt.method, Path: rt.path, Summary: rt.summary, About: rt.about, Open: rt.open,
		Status: rt.status, StatusText: http.StatusText(rt.status), Example: pretty(rt.answer), Curl: b.curl(rt)}
	for _, p := range rt.in.params {
		c.Params = append(c.Params, docField{p.name, kindOf(p.schema), p.schema.Description, !p.query || p.required})
	}
	if rt.in.body != nil {
		c.Fields = b.fields(rt.in.body, "", 0)
	}
	if rt.out != nil {
		c.Answer = b.fields(rt.out, "", 0)
	}
	for _, code := range rt.codes() {
		c.Errors = append(c.Errors, failureOf(code))
	}
	slices.SortStableFunc(c.Errors, func(a, b docError) int { return a.Status - b.Status })
	return c
}

// fields lists the fields of a schema, those of inner objects by dotted names,
// down to the depth that a reader follows.
func (b *book) fields(s *huma.Schema, prefix string, depth int) (all []docField) {
	s = b.resolve(s)
	if s.Type == huma.TypeArray && s.Items != nil {
		return b.fields(s.Items, prefix, depth)
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		inner := s.Properties[name]
		about := inner.Description
		inner = b.resolve(inner)
		all = append(all, docField{prefix + name, kindOf(inner), about, slices.Contains(s.Required, name)})
		if item := b.resolve(inner.Items); depth < 1 && (inner.Type == huma.TypeObject || item != nil && item.Type == huma.TypeObject) {
			mark := "."
			if item != nil {
				mark = "[]."
			}
			all = append(all, b.fields(inner, prefix+name+mark, depth+1)...)
		}
	}
	return all
}

func (b *book) resolve(s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = b.schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// kindOf says a schema in words: "text", "number, 1 to 200", "one of a, b".
func kindOf(s *huma.Schema) string {
	words := map[string]string{huma.TypeString: "text", huma.TypeInteger: "whole number", huma.TypeNumber: "number",
		huma.TypeBoolean: "true or false", huma.TypeArray: "list", huma.TypeObject: "object", "": "anything"}
	kind := words[s.Type]
	switch {
	case len(s.Enum) > 0:
		var of []string
		for _, v := range s.Enum {
			if text, ok := v.(string); ok {
				of = append(of, text)
			}
		}
		kind = "one of " + strings.Join(of, ", ")
	case s.Format == "date-time":
		kind = "time"
	case s.Minimum != nil && s.Maximum != nil:
		kind += ", " + strconv.Itoa(int(*s.Minimum)) + " to " + strconv.Itoa(int(*s.Maximum))
	case s.MaxLength != nil:
		kind += ", at most " + strconv.Itoa(*s.MaxLength) + " characters"
	}
	if s.Nullable {
		kind += ", or null"
	}
	return kind
}

// curl writes the call as a command that can be pasted once TOKEN is set.
func (b *book) curl(rt *route) string {
	path := example(rt)
	line := "curl"
	if rt.method != http.MethodGet {
		line += " -X " + rt.method
	}
	line += " " + b.api.origin() + path
	for _, p := range rt.in.params {
		if p.required && p.query {
			line += "?" + p.name + "=" + string(sampleIdentity().ID)
		}
	}
	if !rt.open {
		line += " \\\n  -H \"Authorization: Bearer $TOKEN\""
	}
	if rt.in.body != nil && (rt.body != nil || !rt.in.bare) {
		body := "{}"
		if rt.body != nil {
			body = pretty(rt.body)
		}
		line += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + body + "'"
	}
	return line
}

// example is a route's path with something in the place of each parameter, of the kind that it asks for.
func example(rt *route) string {
	of := map[string]string{"att": string(openAttempt().ID), "ses": string(sampleSession().ID), "idn": string(sampleIdentity().ID), "crd": string(sampleCredential)}
	path := strings.NewReplacer("{address}", "ada@example.com", "{number}", samplePhone().Number).Replace(rt.path)
	for _, p := range rt.in.params {
		if !p.query && p.id != "" {
			path = strings.ReplaceAll(path, "{"+p.name+"}", of[p.id])
		}
	}
	return path
}

func pretty(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("api: an example: " + err.Error())
	}
	return string(text)
}
