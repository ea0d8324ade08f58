package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign-id/countersign"
)

// complaints turns what the validator says into a stable code and a sentence.
// The first beginning that fits counts; %s takes what follows it.
var complaints = []struct{ begins, code, message string }{
	{"unexpected property", "unknown", "There is no such field here."},
	{"expected required property ", "required", "The field is missing."},
	{"expected boolean", "wrong_type", "The value must be true or false."},
	{"expected number >= ", "too_small", "The number must be at least %s."},
	{"expected number <= ", "too_large", "The number must be at most %s."},
	{"expected number", "wrong_type", "The value must be a number."},
	{"expected integer", "wrong_type", "The value must be a whole number."},
	{"expected string to be", "malformed", "The text does not have the right form."},
	{"expected string to match", "malformed", "The text does not have the right form."},
	{"expected string", "wrong_type", "The value must be a text."},
	{"expected array length >= ", "too_short", "The list must have at least %s items."},
	{"expected array length <= ", "too_long", "The list must have at most %s items."},
	{"expected array items", "duplicate", "The list holds something twice."},
	{"expected array", "wrong_type", "The value must be a list."},
	{"expected object", "wrong_type", "The value must be an object."},
	{"expected value to be one of ", "not_offered", "The value must be one of %s."},
	{"expected length >= ", "too_short", "The text must have at least %s characters."},
	{"expected length <= ", "too_long", "The text must have at most %s characters."},
}

// fieldError says what the validator found wrong. Its detail holds the value,
// which is left behind: it may be a secret.
func fieldError(d *huma.ErrorDetail) countersign.FieldError {
	e := countersign.FieldError{Field: field(d.Location), Code: "invalid", Message: "The value is not valid."}
	for _, c := range complaints {
		rest, ok := strings.CutPrefix(d.Message, c.begins)
		if !ok {
			continue
		}
		if c.code == "required" {
			name, _, _ := strings.Cut(rest, " ")
			e.Field = field(strings.TrimPrefix(d.Location+"."+name, "."))
		}
		e.Code, e.Message = c.code, strings.Replace(c.message, "%s", rest, 1)
		return e
	}
	return e
}

func field(location string) string {
	if location == "" {
		return "body"
	}
	return shown(location)
}
