package config

import (
	"fmt"
	"net/netip"
	"strconv"
)

// kind says in words what a setting takes.
func (s setting) kind() string {
	switch s.value.Addr().Interface().(type) {
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *[]string:
		return "a list of texts"
	case *[]netip.Prefix:
		return "a list of networks"
	case *Duration:
		return "a length of time"
	case *Size:
		return "a size"
	case *Limit:
		return "a limit"
	case *Secret:
		return "a secret"
	case *URL:
		return "a URL"
	}
	if s.tag.Get("path") != "" {
		return "a path"
	}
	return "text"
}

// example says how such a value is written.
func (s setting) example() string {
	switch s.kind() {
	case "true or false":
		return "write true or false"
	case "a whole number":
		if s.tag.Get("min") != "" {
			return "write a number from " + s.tag.Get("min") + " to " + s.tag.Get("max")
		}
		return "write a number"
	case "a list of texts":
		return `write a list of texts in quotes, such as ["one", "two"]`
	case "a list of networks":
		return `write a list, such as ["10.0.0.7", "10.0.0.0/8"]`
	case "a length of time":
		return `write a number and a unit in quotes, such as "30d", "12h", "10m" or "500ms"`
	case "a size":
		return `write bytes, or text in quotes, such as "64MiB"`
	case "a limit":
		return `write how many in how long, in quotes, such as "20/1h"`
	}
	return "write text in quotes"
}

// mismatch never repeats the value: a secret may have been put at the wrong key.
func (s setting) mismatch() error {
	return Problem{Wrong: "wants " + s.kind(), Try: s.example()}
}

// text is the value as it is shown: secrets are hidden, lists are parted by commas.
func (s setting) text() string {
	switch v := s.value.Interface().(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case fmt.Stringer: // Duration, Size, Limit, Secret, URL
		return v.String()
	}
	return ""
}

// words is the value of a list; ok is false for anything else.
func (s setting) words() (words []string, ok bool) {
	switch v := s.value.Interface().(type) {
	case []string:
		return v, true
	case []netip.Prefix:
		for _, p := range v {
			words = append(words, p.String())
		}
		return words, true
	}
	return nil, false
}
