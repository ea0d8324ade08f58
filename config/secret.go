package config

import "log/slog"

// hidden stands where a secret would be.
const hidden = "[hidden]"

// Secret is text that no print, log or encoder shows. The text sits behind a
// pointer, so that printing a struct that holds one in a private field, where
// fmt cannot call String, shows an address and not the secret.
type Secret struct{ text *string }

// Reveal returns the text. Call it where the secret is used and nowhere else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String is empty for an empty secret and says "[hidden]" for any other.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return hidden
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText keeps the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	t := string(text)
	s.text = &t
	return nil
}
