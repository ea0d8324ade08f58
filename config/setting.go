package config

import (
	"encoding"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// setting is one key and the field it fills.
type setting struct {
	key   string
	tag   reflect.StructTag
	value reflect.Value
}

// settings lists every key in the order of the struct, which is the order of
// the reference and of Show.
func settings(c *Config) []setting {
	return collect(nil, "", reflect.ValueOf(c).Elem())
}

func collect(list []setting, prefix string, section reflect.Value) []setting {
	for i := range section.NumField() {
		f := section.Type().Field(i)
		name, tagged := f.Tag.Lookup("toml")
		if !tagged {
			continue
		}
		value := section.Field(i)
		if _, leaf := value.Addr().Interface().(encoding.TextUnmarshaler); !leaf && f.Type.Kind() == reflect.Struct {
			list = collect(list, prefix+name+".", value)
			continue
		}
		list = append(list, setting{key: prefix + name, tag: f.Tag, value: value})
	}
	return list
}

// env is the environment variable that sets the key.
func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "__"))
}

// assign stores a value from the TOML file: string, int64, float64, bool,
// []any, or other for what no setting takes. The error is a Problem.
func (s setting) assign(v any) error {
	switch v := v.(type) {
	case string:
		return s.assignString(v)
	case int64:
		return s.assignInt(v)
	case bool:
		if p, ok := s.value.Addr().Interface().(*bool); ok {
			*p = v
			return nil
		}
	case []any:
		return s.assignList(v)
	}
	return s.mismatch()
}

func (s setting) assignString(v string) error {
	switch s.value.Addr().Interface().(type) {
	case *bool, *int:
		if s.assignText(v) == nil {
			return Problem{Wrong: "is text in quotes", Try: "write " + v + " without the quotes"}
		}
		return s.mismatch()
	case *[]string, *[]netip.Prefix:
		return s.mismatch()
	}
	return s.assignText(v)
}

func (s setting) assignInt(v int64) error {
	switch p := s.value.Addr().Interface().(type) {
	case *int:
		if int64(int(v)) != v {
			return s.mismatch()
		}
		*p = int(v)
	case *Size:
		if v < 0 {
			return s.mismatch()
		}
		*p = Size(v)
	default:
		return s.mismatch()
	}
	return s.within()
}

func (s setting) assignList(v []any) error {
	words := make([]string, len(v))
	for i, e := range v {
		word, ok := e.(string)
		if !ok {
			return s.mismatch()
		}
		words[i] = word
	}
	switch s.value.Addr().Interface().(type) {
	case *[]string, *[]netip.Prefix:
		return s.assignWords(words)
	}
	return s.mismatch()
}

// assignText stores a value that has no type of its own, from the environment,
// --set, a default or a file that "file:" names. Lists are parted by commas.
func (s setting) assignText(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return Problem{Wrong: "holds control characters or is not UTF-8", Try: "write plain text on one line"}
	}
	switch p := s.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		if text != "true" && text != "false" {
			return s.mismatch()
		}
		*p = text == "true"
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return s.mismatch()
		}
		*p = n
	case encoding.TextUnmarshaler:
		if err := p.UnmarshalText([]byte(text)); err != nil {
			return err
		}
	default:
		var words []string
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
		return s.assignWords(words)
	}
	return s.within()
}

func (s setting) assignWords(words []string) error {
	if p, ok := s.value.Addr().Interface().(*[]string); ok {
		for _, w := range words {
			if w == "" || !utf8.ValidString(w) || strings.ContainsFunc(w, unicode.IsControl) {
				return Problem{Wrong: "has an empty entry or one with control characters", Try: s.example()}
			}
		}
		*p = words
		return nil
	}
	networks := make([]netip.Prefix, 0, len(words))
	for _, w := range words {
		n, err := network(w)
		if err != nil {
			return err
		}
		networks = append(networks, n)
	}
	s.value.Set(reflect.ValueOf(networks))
	return nil
}

// within applies the tags min, max and oneof.
func (s setting) within() error {
	if allowed := strings.Fields(s.tag.Get("oneof")); len(allowed) > 0 {
		v := s.value.String()
		for _, a := range allowed {
			if v == a {
				return nil
			}
		}
		return Problem{Wrong: quoted(v) + " is not one of " + strings.Join(allowed, ", "), Try: "did you mean " + nearest(v, allowed) + "?"}
	}
	if s.tag.Get("min") == "" {
		return nil
	}
	if v := s.value.Int(); v < s.bound("min") || v > s.bound("max") {
		return Problem{
			Wrong: s.text() + " is out of range",
			Try:   "write " + s.tag.Get("min") + " to " + s.tag.Get("max"),
		}
	}
	return nil
}

// bound reads a min or max tag in the setting's own notation.
func (s setting) bound(tag string) int64 {
	text := s.tag.Get(tag)
	if d, ok := parseDuration(text); ok && s.value.Type() == reflect.TypeFor[Duration]() {
		return int64(d)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic("config: tag " + tag + " of " + s.key + " is " + text)
	}
	return n
}

// network reads an address or a network in CIDR notation (RFC 4632).
func network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, Problem{Wrong: quoted(text) + " is not an address or a network", Try: "write it as 10.0.0.7, 10.0.0.0/8 or fd00::/8"}
	}
	if p.Bits() == 0 {
		return p, Problem{Wrong: quoted(text) + " is everybody", Try: "name the addresses of your proxies; whoever is trusted can pretend to be any client"}
	}
	if p != p.Masked() {
		return p, Problem{Wrong: quoted(text) + " has bits behind its network part", Try: "write " + p.Masked().String() + " or " + p.Addr().String()}
	}
	return p, nil
}

// quoted is what an operator wrote, short enough to repeat.
func quoted(text string) string {
	if text == "" {
		return "nothing"
	}
	if len(text) > 64 {
		text = strings.ToValidUTF8(text[:64], "") + "…"
	}
	return strconv.Quote(text)
}
