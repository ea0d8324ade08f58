package api

import (
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// plan is how a request becomes the input of a call. The input is a struct: a
// field tagged path or query is a parameter, the field Body is the JSON body.
type plan struct {
	schemas huma.Registry
	params  []param
	body    *huma.Schema // nil when there is none
	bodyAt  int
	bare    bool // it may be left out
}

// param is one parameter, of a string or an int type.
type param struct {
	name  string
	query bool
	at    int
	id    string // the prefix, of one that is an id: "ses"

	required bool // of a query parameter; one in the path always is
	schema   *huma.Schema
}

// planOf reads the input's fields once, at the start; a field that is neither
// parameter nor body is a mistake in the program and ends it there.
func planOf(schemas huma.Registry, t reflect.Type) plan {
	p := plan{schemas: schemas}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "Body" {
			p.body, p.bodyAt, p.bare = schemas.Schema(f.Type, true, t.Name()+"Body"), i, f.Tag.Get("optional") == "true"
			continue
		}
		at := param{at: i, id: f.Tag.Get("id"), required: f.Tag.Get("required") == "true", schema: huma.SchemaFromField(schemas, f, f.Name)}
		if at.name = f.Tag.Get("path"); at.name == "" {
			at.name, at.query = f.Tag.Get("query"), true
		}
		if at.name == "" {
			panic("api: " + t.String() + "." + f.Name + " is neither path, query nor body")
		}
		if at.id != "" {
			// For the document: set is what refuses others, and it compiles nothing.
			at.schema.Pattern = "^" + at.id + "_[0-9a-z]{32}$"
		}
		p.params = append(p.params, at)
	}
	return p
}

// read fills the input from the request and its body, which take has read.
func (p plan) read(r *http.Request, body []byte, in any) error {
	v := reflect.ValueOf(in).Elem()
	query, err := p.query(r)
	if err != nil {
		return err
	}
	for _, at := range p.params {
		var text string
		if at.query {
			if given, ok := query[at.name]; ok {
				text = given[0]
			} else if at.required {
				return countersign.Invalid(at.name, "required", "The parameter is missing.")
			} else {
				if standing, ok := at.schema.Default.(int); ok {
					v.Field(at.at).SetInt(int64(standing))
				}
				continue
			}
		} else {
			text = r.PathValue(at.name)
		}
		if err := at.set(v.Field(at.at), text, p.schemas); err != nil {
			return err
		}
	}
	if p.body == nil || p.bare && len(body) == 0 {
		return nil
	}
	return decode(body, p.schemas, p.body, v.Field(p.bodyAt).Addr().Interface())
}

// query reads the query strictly: every parameter known, once, in clean UTF-8.
func (p plan) query(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, countersign.Invalid("query", "malformed", "The query is not well formed.")
	}
	for name, values := range query {
		known := false
		for _, at := range p.params {
			known = known || at.query && at.name == name
		}
		switch {
		case !known:
			return nil, countersign.Invalid(shown(name), "unknown", "There is no such parameter here.")
		case len(values) > 1:
			return nil, countersign.Invalid(name, "duplicate", "The parameter was sent twice.")
		case !clean(values[0]):
			return nil, countersign.Invalid(name, "malformed", "The parameter holds characters that it cannot hold.")
		}
	}
	return query, nil
}

// set checks one parameter and stores it. What cannot be the id of anything in
// the path is simply not found.
func (at param) set(v reflect.Value, text string, schemas huma.Registry) error {
	if !at.query && (!clean(text) || at.id != "" && !ids.Is(at.id, text)) {
		return countersign.ErrNotFound
	}
	if v.Kind() != reflect.Int {
		if at.query && at.id != "" && !ids.Is(at.id, text) {
			return countersign.Invalid(at.name, "malformed", "That is not an id of the kind "+at.id+"_….")
		}
		v.SetString(text)
		return valid(schemas, at.schema, at.name, text)
	}
	n, err := strconv.Atoi(text)
	if err != nil || strings.HasPrefix(text, "+") {
		return countersign.Invalid(at.name, "wrong_type", "The parameter must be a whole number.")
	}
	v.SetInt(int64(n))
	return valid(schemas, at.schema, at.name, n)
}

// clean reports whether the text is UTF-8 without control characters.
func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 })
}

// shown shortens a name that a caller made up, to say it back.
func shown(name string) string {
	if len(name) > 64 {
		name = name[:64]
	}
	return strings.ToValidUTF8(name, "�")
}
