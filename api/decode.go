package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// Bounds on what a body may hold, so that a small one cannot become a large
// value: each token of an untyped value costs tens of bytes.
const (
	deepest    = 32
	mostTokens = 10_000
)

// take reads the body of a request, where the plan has one, and refuses one
// where it has none: a caller that sends it expects it to matter.
func (p plan) take(r *http.Request) ([]byte, error) {
	if p.body == nil {
		if r.ContentLength > 0 || r.ContentLength < 0 && hasMore(r.Body) {
			return nil, countersign.Invalid("body", "unexpected", "This call takes no body.")
		}
		return nil, nil
	}
	if p.bare && !(r.ContentLength > 0) && len(r.Header["Content-Type"]) == 0 {
		if r.ContentLength < 0 && hasMore(r.Body) {
			return nil, door.ErrMediaType
		}
		return nil, nil
	}
	if !isJSON(r.Header["Content-Type"]) {
		return nil, door.ErrMediaType
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, countersign.Invalid("body", "incomplete", "The body ended before its time.")
	}
	return body, nil
}

// hasMore asks a body without a length whether it holds anything.
func hasMore(body io.Reader) bool {
	n, _ := body.Read(make([]byte, 1)) //nolint:errcheck // a broken body is no body here
	return n > 0
}

// isJSON accepts application/json, alone or with charset=utf-8.
func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/json" {
		return false
	}
	charset, ok := params["charset"]
	return len(params) == 0 || len(params) == 1 && ok && strings.EqualFold(charset, "utf-8")
}

// decode turns a body into the value of a call, or says which field is wrong
// and why. Nothing of the body's values is ever said back: it may be a secret.
func decode(body []byte, schemas huma.Registry, schema *huma.Schema, into any) error {
	if err := scan(body); err != nil {
		return err
	}
	var loose any
	if err := json.Unmarshal(body, &loose); err != nil {
		return malformed(err)
	}
	if err := valid(schemas, schema, "", loose); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return malformed(err)
	}
	return nil
}

// scan refuses what no reader should have to hold: text that is not JSON in
// UTF-8 (RFC 8259), two members of one name, NUL, too deep or too many values.
func scan(body []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		token, err := dec.ReadToken()
		switch {
		case err == io.EOF && n > 0 && dec.StackDepth() == 0: //nolint:errorlint // the decoder returns it bare
			return nil
		case err != nil:
			return malformed(err)
		case dec.StackDepth() > deepest:
			return countersign.Invalid(dotted(dec.StackPointer()), "too_deep", "The body is nested too deep.")
		case n >= mostTokens:
			return countersign.Invalid("body", "too_many", "The body holds too many values.")
		case token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0:
			return countersign.Invalid(dotted(dec.StackPointer()), "malformed", "A text must not hold the character NUL.")
		}
		if dec.StackDepth() == 0 && dec.InputOffset() < int64(len(body)) && len(bytes.TrimLeft(body[dec.InputOffset():], " \t\r\n")) > 0 {
			return countersign.Invalid("body", "malformed", "The body holds more than one JSON value.")
		}
	}
}

// malformed says where a body stops making sense.
func malformed(err error) error {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return countersign.Invalid(dotted(semantic.JSONPointer), "unknown", "There is no such field here.")
	case errors.As(err, &semantic):
		return countersign.Invalid(dotted(semantic.JSONPointer), "wrong_type", "The value has the wrong type.")
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return countersign.Invalid(dotted(syntax.JSONPointer), "duplicate", "The field is there twice.")
	}
	return countersign.Invalid("body", "malformed", "The body is not JSON in UTF-8.")
}

// dotted writes a JSON pointer (RFC 6901) the way fields are named: traits.name.
func dotted(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		if parts = append(parts, shown(token)); len(parts) == 8 {
			break
		}
	}
	if len(parts) == 0 {
		return "body"
	}
	return strings.Join(parts, ".")
}

// valid holds a value against its schema.
func valid(schemas huma.Registry, schema *huma.Schema, name string, v any) error {
	var result huma.ValidateResult
	huma.Validate(schemas, schema, huma.NewPathBuffer([]byte(name), len(name)), huma.ModeWriteToServer, v, &result)
	if len(result.Errors) == 0 {
		return nil
	}
	e := &countersign.Error{Code: countersign.ErrMalformed.Code, Detail: "A field is not valid."}
	for _, err := range result.Errors {
		if detail, ok := err.(*huma.ErrorDetail); ok && len(e.Fields) < 20 { //nolint:errorlint // huma adds them bare
			e.Fields = append(e.Fields, fieldError(detail))
		}
	}
	slices.SortFunc(e.Fields, func(a, b countersign.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return e
}
