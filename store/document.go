package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign-id/countersign"
)

// The check of a session reads these documents on the way of every request, so
// what the store itself wrote is read by a cursor that knows the members and their
// order. It takes a tenth of the time and copies nothing. Whatever looks different in
// the least, an escape included, is left to the general reader; a test holds the two against each other.

// cursor walks over a document. After the first surprise it stays bad.
type cursor struct {
	rest string
	bad  bool
}

// try takes literal text that may be there.
func (c *cursor) try(text string) bool {
	rest, ok := strings.CutPrefix(c.rest, text)
	c.rest = rest
	return ok
}

// take takes literal text that must be there.
func (c *cursor) take(text string) {
	if !c.try(text) {
		c.bad = true
	}
}

// text takes a string without escapes; what is not UTF-8 must have been refused before.
func (c *cursor) text() string {
	c.take(`"`)
	for n := range len(c.rest) {
		switch b := c.rest[n]; {
		case b == '"':
			text := c.rest[:n]
			c.rest = c.rest[n+1:]
			return text
		case b == '\\' || b < ' ':
			c.bad = true
			return ""
		}
	}
	c.bad = true
	return ""
}

func (c *cursor) textOrNull() *string {
	if c.try("null") {
		return nil
	}
	text := c.text()
	return &text
}

func (c *cursor) yes() bool {
	if c.try("true") {
		return true
	}
	c.take("false")
	return false
}

// raw takes an object or an array as it is, or null.
func (c *cursor) raw() json.RawMessage {
	if c.try("null") {
		return nil
	}
	if c.try("{}") {
		return json.RawMessage("{}")
	}
	depth, quoted := 0, false
	for n := 0; n < len(c.rest); n++ {
		switch b := c.rest[n]; {
		case quoted && b == '\\':
			n++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
		if depth == 0 {
			raw := json.RawMessage(c.rest[:n+1])
			c.rest = c.rest[n+1:]
			c.bad = c.bad || !jsontext.Value(raw).IsValid()
			return raw
		}
	}
	c.bad = true
	return nil
}

// listOf takes an array, or null.
func listOf[T any](c *cursor, one func(*cursor) T) []T {
	if c.try("null") {
		return nil
	}
	c.take("[")
	all := []T{}
	for !c.bad && !c.try("]") {
		if len(all) > 0 {
			c.take(",")
		}
		all = append(all, one(c))
	}
	return all
}

func (c *cursor) email() (e countersign.Email) {
	c.take(`{"address":`)
	e.Address = c.text()
	e.Verified, e.Primary = c.standing()
	return e
}

func (c *cursor) phone() (p countersign.Phone) {
	c.take(`{"number":`)
	p.Number = c.text()
	p.Verified, p.Primary = c.standing()
	return p
}

func (c *cursor) standing() (verified, primary bool) {
	c.take(`,"verified":`)
	verified = c.yes()
	c.take(`,"primary":`)
	primary = c.yes()
	c.take("}")
	return verified, primary
}

// readIdentity reads the document of an identity, whoever wrote it.
func readIdentity(document string) (i countersign.Identity, err error) {
	if err = jsonx.Unmarshal([]byte(document), &i); err != nil {
		return countersign.Identity{}, err
	}
	if string(i.Metadata) == "null" {
		i.Metadata = nil
	}
	return i, nil
}

func ownIdentity(document string) (i countersign.Identity, ok bool) {
	c := cursor{rest: document, bad: !utf8.ValidString(document)}
	c.take(`{"id":`)
	i.ID = countersign.IdentityID(c.text())
	c.take(`,"kind":`)
	i.Kind = countersign.Kind(c.text())
	c.take(`,"state":`)
	i.State = countersign.State(c.text())
	c.take(`,"username":`)
	i.Username = c.textOrNull()
	c.take(`,"emails":`)
	i.Emails = listOf(&c, (*cursor).email)
	c.take(`,"phones":`)
	i.Phones = listOf(&c, (*cursor).phone)
	c.take(`,"name":`)
	i.Name = c.text()
	c.take(`,"locale":`)
	i.Locale = c.text()
	c.take(`,"picture":`)
	i.Picture = c.textOrNull()
	c.take(`,"flags":`)
	i.Flags = listOf(&c, (*cursor).text)
	c.take(`,"roles":`)
	i.Roles = listOf(&c, (*cursor).text)
	c.take(`,"metadata":`)
	i.Metadata = c.raw()
	c.take(`,"created_at":`)
	created := c.text()
	// Parsing takes more than is written: an hour of one digit, for one.
	c.bad = c.bad || i.CreatedAt.UnmarshalText([]byte(created)) != nil || i.CreatedAt.Format(time.RFC3339Nano) != created
	c.take("}")
	return i, !c.bad && c.rest == ""
}

// readPass reads how a session was proved and from which device.
func readPass(methods, device string) (m []string, d countersign.Device, err error) {
	if m, d, ok := ownPass(methods, device); ok {
		return m, d, nil
	}
	if err = jsonx.Unmarshal([]byte(methods), &m); err != nil {
		return nil, d, fmt.Errorf("session: %w", err)
	}
	if err = jsonx.Unmarshal([]byte(device), &d); err != nil {
		return nil, d, fmt.Errorf("session: %w", err)
	}
	return m, d, nil
}

func ownPass(methods, device string) ([]string, countersign.Device, bool) {
	c := cursor{rest: methods, bad: !utf8.ValidString(methods) || !utf8.ValidString(device)}
	m := listOf(&c, (*cursor).text)
	c.bad = c.bad || c.rest != ""
	c.rest = device
	var d countersign.Device
	c.take(`{"name":`)
	d.Name = c.text()
	c.take(`,"network":`)
	d.Network = c.text()
	c.take(`,"place":`)
	d.Place = c.text()
	c.take("}")
	return m, d, !c.bad && c.rest == ""
}
