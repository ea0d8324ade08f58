package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// object is a JSON object that the door does not look into, byte for byte as
// it came, so that no number in it is rounded.
type object json.RawMessage

// Schema says that it is an object.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// UnmarshalJSON keeps the bytes; null is none.
func (o *object) UnmarshalJSON(b []byte) error {
	if *o = nil; string(b) != "null" {
		*o = append(object{}, b...)
	}
	return nil
}

// MarshalJSON writes the bytes as they are.
func (o object) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// empty is a body that may hold nothing, for callers that always send one.
type empty struct{}

// evidence is what a caller shows: an object that names its method. The
// method's own fields are checked by the method.
type evidence json.RawMessage

// Schema says that much and no more.
func (evidence) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"method"}, AdditionalProperties: true,
		Description: "What the method asks for, beside its name.",
		Properties:  map[string]*huma.Schema{"method": {Type: huma.TypeString, MinLength: length(1), MaxLength: length(64), Description: "The name of the method."}}}
}

// UnmarshalJSON keeps the bytes; null is none.
func (e *evidence) UnmarshalJSON(b []byte) error { return (*object)(e).UnmarshalJSON(b) }

// MarshalJSON writes the bytes as they are.
func (e evidence) MarshalJSON() ([]byte, error) { return json.RawMessage(e).MarshalJSON() }

func length(n int) *int { return &n }
