package config

import (
	"net/url"
	"strings"
)

// URL is an absolute URL (RFC 3986) that may carry a password, which no print,
// log or encoder shows. The zero value is an empty one.
//
// Only the text is kept, behind a pointer for the reason Secret gives; fmt would
// print through a pointer to a struct.
type URL struct{ text *string }

// UnmarshalText reads a URL, or the empty text as none; the error is a Problem
// and does not repeat the text, which may hold a password.
func (u *URL) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "" {
		*u = URL{}
		return nil
	}
	parsed, err := parseURL(t)
	if err != nil {
		return Problem{Wrong: "is not a URL", Try: "percent-encode special characters in names and passwords (@ is %40, / is %2F)"}
	}
	if parsed.Scheme == "" {
		return Problem{Wrong: "has no scheme", Try: "begin it with the scheme, such as https://"}
	}
	if astray(parsed) {
		return Problem{Wrong: "has an @ after the host", Try: "percent-encode special characters in the password (@ is %40, / is %2F, # is %23, ? is %3F)"}
	}
	*u = URL{text: &t}
	return nil
}

func parseURL(text string) (*url.URL, error) {
	if path, found := strings.CutPrefix(text, "sqlite:"); found {
		// A file's path is no URL path: it may hold % and ?.
		return &url.URL{Scheme: "sqlite", Opaque: path}, nil
	}
	return url.Parse(text)
}

// astray reports whether a part of a password seems to have landed behind the
// host, where String would show it: smtp://user:12/34@host. Web addresses may
// well have an @ in their path.
func astray(u *url.URL) bool {
	switch u.Scheme {
	case "http", "https", "mailto", "sqlite":
		return false
	}
	return strings.Contains(u.Opaque+u.Path+u.Fragment, "@") || u.User == nil && strings.Contains(u.RawQuery, "@")
}

// Reveal returns the URL with its password. Call it where the URL is used.
func (u URL) Reveal() string {
	if u.text == nil {
		return ""
	}
	return *u.text
}

// Empty reports whether there is no URL.
func (u URL) Empty() bool { return u.text == nil }

// URL returns the parsed URL, password included; nil when Empty. A SQLite file's
// path is its Opaque.
func (u URL) URL() *url.URL {
	if u.text == nil {
		return nil
	}
	parsed, err := parseURL(*u.text)
	if err != nil {
		return nil // cannot be: UnmarshalText parsed it
	}
	return parsed
}

// String is the URL with its secrets hidden: the password, a user name that
// stands alone or equals it (a token, with some mail services), and query
// parameters that are named like a secret.
func (u URL) String() string {
	c := u.URL()
	if c == nil || c.Scheme == "sqlite" {
		return u.Reveal()
	}
	if c.User != nil {
		password, has := c.User.Password()
		name := c.User.Username()
		if !has || password == name {
			name = "hidden"
		}
		c.User = url.User(name)
		if has {
			c.User = url.UserPassword(name, "hidden")
		}
	}
	if c.RawQuery != "" {
		c.RawQuery = hideQuery(c.RawQuery)
	}
	return c.String()
}

// GoString is String, for %#v.
func (u URL) GoString() string { return u.String() }

// MarshalText is String, for encoders.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// hideQuery works on the text, so that the order of the parameters stays.
func hideQuery(raw string) string {
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		plain = strings.ToLower(plain)
		if err != nil || strings.Contains(plain, "pass") || strings.Contains(plain, "secret") || strings.Contains(plain, "token") || strings.Contains(plain, "key") {
			parts[i] = name + "=hidden"
		}
	}
	return strings.Join(parts, "&")
}
