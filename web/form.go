package web

import (
	"encoding/json"
	"errors"
	"html/template"
	"strings"

	"github.com/countersign-id/countersign"
)

// problem is one thing that is wrong with a form, in words for its reader.
type problem struct {
	Field string // "" when it is about the whole
	Text  string
}

// form is one form on a page, as its template sees it.
type form struct {
	*page
	ID     string
	Method string // whose fragment it shows
	Offer  offer
	Shown  map[string]any    // what the method shows its owner; nil when it shows nothing
	values map[string]string // what the server fills in; what was typed wins
}

// offer says of a method where its code goes.
type offer struct {
	Method string
	To     string // masked, or in full when the reader typed it
	Sent   bool   // what it sends is on its way
	Enroll bool
	Used   bool // it signed in here last time
}

// field is one input with everything that belongs to it.
type field struct {
	form                      *form
	ID, Name, Label, Hint     string
	Type, Auto, Mode, Pattern string
	Value, Error              string
	Focus, Optional, Reveal   bool
	Strength                  bool
}

// kinds say how each kind of field is marked up, so that browsers, keyboards of
// phones and password managers know what it is for (WCAG 1.3.5, HTML autocomplete).
var kinds = map[string]field{
	"identifier":       {Type: "text", Auto: "username webauthn", Mode: "email"},
	"email":            {Type: "email", Auto: "email", Mode: "email"},
	"new-account":      {Type: "email", Auto: "username", Mode: "email"},
	"name":             {Type: "text", Auto: "name"},
	"username":         {Type: "text", Auto: "username"},
	"url":              {Type: "url", Auto: "photo", Mode: "url"},
	"current-password": {Type: "password", Auto: "current-password", Reveal: true},
	"new-password":     {Type: "password", Auto: "new-password", Reveal: true, Strength: true},
	"code":             {Type: "text", Auto: "one-time-code", Mode: "numeric"},
	"recovery-code":    {Type: "text", Auto: "off"},
	"label":            {Type: "text", Auto: "off"},
	"tel":              {Type: "tel", Auto: "tel", Mode: "tel"},
	"new-reach":        {Type: "text", Auto: "username", Mode: "email"},
	"hidden":           {Type: "hidden"},
}

// Form begins a form; most pages have one and name it as themselves.
func (p *page) Form(id string) *form { return &form{page: p, ID: id} }

// Field makes an input of a kind. label and hint are keys of words; the hint may be missing.
func (f *form) Field(name, kind, label string, hint ...string) *field {
	made := kinds[kind]
	made.form, made.Name, made.ID, made.Label = f, name, f.ID+"-"+name, f.T(label)
	for _, h := range hint {
		made.Hint = f.T(h, f.site.facts...)
	}
	if made.Value = f.values[name]; f.failing == f.ID {
		if typed, ok := f.page.form[name]; ok {
			made.Value = typed[0]
		}
		made.Error = f.errorOf(name)
	}
	switch kind {
	case "current-password", "new-password", "code", "recovery-code", "hidden":
		made.Value = "" // never sent back
	}
	if !f.focused && made.Type != "hidden" && (made.Error != "" || f.Fresh && len(f.problems) == 0) {
		f.focused, made.Focus = true, true
	}
	made.Strength = made.Strength && f.site.Strength != nil
	return &made
}

// May marks a field that may stay empty, and says so.
func (d *field) May() *field {
	d.Optional = true
	return d
}

// T lets the template of a field speak the language of its page.
func (d *field) T(id string, args ...any) string { return d.form.T(id, args...) }

// Icon lets it draw.
func (d *field) Icon(name string) template.HTML { return d.form.Icon(name) }

// Described names what belongs to the input besides its label.
func (d *field) Described() string {
	var ids []string
	if d.Error != "" {
		ids = append(ids, d.ID+"-error")
	}
	if d.Hint != "" {
		ids = append(ids, d.ID+"-hint")
	}
	if d.Strength {
		ids = append(ids, d.ID+"-strength")
	}
	return strings.Join(ids, " ")
}

// Value is what a field of this form holds: what was typed, or what is known.
func (f *form) Value(name string) string {
	if typed, ok := f.page.form[name]; ok && f.failing == f.ID {
		return typed[0]
	}
	return f.values[name]
}

func (f *form) errorOf(name string) string {
	for _, p := range f.problems {
		if p.Field == name {
			return p.Text
		}
	}
	return ""
}

// Alert is what is wrong with the whole form, "" when nothing is.
func (f *form) Alert() string {
	if f.failing != f.ID {
		return ""
	}
	return f.errorOf("")
}

// Summary lists the problems of fields when there are several; one alone is
// announced where it stands.
func (f *form) Summary() []problem {
	var list []problem
	for _, p := range f.problems {
		if p.Field != "" {
			list = append(list, p)
		}
	}
	if f.failing != f.ID || len(list) < 2 {
		return nil
	}
	return list
}

// Fragment shows the part of the form that the method brings.
func (f *form) Fragment(part string) (template.HTML, error) {
	if !f.site.brings(f.Method, part) {
		return "", nil
	}
	return f.site.inner(f.Method+"/"+part, f)
}

// evidence reads what a method's part of the form asked for. Codes are copied
// with spaces and dashes in them, which mean nothing.
func (v *visit) evidence(method, part string) json.RawMessage {
	out := map[string]string{"method": method}
	for _, name := range v.site.fragments[method][part] {
		value := v.form.Get(name)
		if name == "code" {
			value = strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(value)
		}
		out[name] = value
	}
	return encode(out)
}

func encode(fields map[string]string) json.RawMessage {
	raw, err := json.Marshal(fields)
	if err != nil {
		panic("web: a map of strings always encodes: " + err.Error())
	}
	return raw
}

// explain turns an error into problems beside the fields they are about. It
// reports the status to answer with, or false for an error that is no fault of
// the form, which is then a page of its own.
func (p *page) explain(err error, method, part string) (status int, ok bool) {
	var e *countersign.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	fields := p.site.fragments[method][part]
	switch e.Code {
	case countersign.ErrMalformed.Code:
		for _, f := range e.Fields {
			p.problems = append(p.problems, p.about(f, method, fields))
		}
		if len(e.Fields) == 0 {
			p.problems = append(p.problems, problem{Text: p.T("error.invalid")})
		}
		return 422, true
	case countersign.ErrNoMatch.Code:
		at := problem{Text: p.T("error.no_match")}
		if p.site.brings(method, part) {
			at.Text = p.T(method + ".error.no_match")
		}
		if len(fields) > 0 {
			at.Field = fields[0]
		}
		p.problems = append(p.problems, at)
		return 422, true
	case countersign.ErrConflict.Code:
		for _, f := range e.Fields {
			p.problems = append(p.problems, p.about(f, method, fields))
		}
		if len(e.Fields) == 0 {
			p.problems = append(p.problems, problem{Text: p.T("error.conflict")})
		}
		return 409, true
	case countersign.ErrSlowDown.Code:
		p.wait(e)
		p.problems = append(p.problems, problem{Text: p.T("error.rate_limited", "when", p.again(e))})
		return 429, true
	case countersign.ErrOverloaded.Code:
		p.wait(e)
		p.problems = append(p.problems, problem{Text: p.T("error.overloaded")})
		return 503, true
	}
	return 0, false
}

// about finds the words for what is wrong with a field: the method's, ours, or
// the sentence that came with it.
func (p *page) about(f countersign.FieldError, method string, fields []string) problem {
	name := f.Field[strings.LastIndexByte(f.Field, '.')+1:]
	key := "error." + name + "." + f.Code
	if name == "identifier" && p.Name == signUp.name {
		key = "error.email." + f.Code // nobody signs up with a username
	}
	for _, own := range fields {
		if own == name {
			return problem{Field: name, Text: p.say(method+".error."+f.Code, f.Message)}
		}
	}
	if !known[key] {
		return problem{Field: p.shown(name), Text: f.Message}
	}
	return problem{Field: p.shown(name), Text: p.T(key)}
}

// known are the mistakes that our own words exist for; others come with a sentence.
var known = map[string]bool{
	"error.identifier.invalid": true, "error.address.invalid": true, "error.email.invalid": true, "error.username.invalid": true,
	"error.username.taken": true, "error.identifier.domain_not_allowed": true, "error.name.invalid": true, "error.email.domain_not_allowed": true,
	"error.address.taken": true, "error.email.taken": true,
}

// shown is the field's name if the form has it; a problem with anything else is the whole form's.
func (p *page) shown(name string) string {
	if _, ok := p.form[name]; ok {
		return name
	}
	return ""
}

func (p *page) say(key, otherwise string) string {
	if text := p.T(key, p.site.facts...); text != key {
		return text
	}
	return otherwise
}
