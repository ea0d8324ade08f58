package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/secret"
)

// The limits of what is looked at. An attestation with a whole chain of
// certificates has some 6 kB; all else is far smaller.
const (
	longestResponse = 64 << 10
	longestID       = 1023 // bytes (section 7.1)
	longestPart     = 16 << 10
)

// octets are bytes in a JSON text. Line ends, which Go's decoder would skip,
// padding and stray bits are refused: every value has one spelling.
type octets []byte

var errNotBase64 = errors.New("passkey: not base64url")

func (o *octets) UnmarshalText(text []byte) (err error) {
	if bytes.ContainsAny(text, "\r\n") {
		return errNotBase64
	}
	*o, err = b64.AppendDecode(nil, text)
	return err
}

// credential is PublicKeyCredential.toJSON() of either kind. Members that we do
// not know are left alone, because browsers add some with every level.
type credential struct {
	ID       string `json:"id"`
	RawID    octets `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientDataJSON    octets   `json:"clientDataJSON"`
		AuthenticatorData octets   `json:"authenticatorData"`
		Signature         octets   `json:"signature"`
		UserHandle        octets   `json:"userHandle"`
		AttestationObject octets   `json:"attestationObject"`
		Transports        []string `json:"transports"`
	} `json:"response"`
	Extensions struct {
		Properties struct {
			Discoverable *bool `json:"rk"`
		} `json:"credProps"`
	} `json:"clientExtensionResults"`
}

// parse reads a response: an object from programs, the text of one from a form.
func parse(raw jsontext.Value) (c credential, err error) {
	if len(raw) > longestResponse {
		return c, invalid("This is too long for what a passkey answers.")
	}
	if raw.Kind() == '"' {
		var text string
		if jsonx.Unmarshal(raw, &text) != nil {
			return c, invalid(form)
		}
		raw = jsontext.Value(text)
	}
	if len(bytes.TrimSpace(raw)) == 0 || string(raw) == "null" {
		return c, countersign.Invalid("response", "required", "Use your passkey.")
	}
	if jsonx.Unmarshal(raw, &c) != nil || c.Type != "public-key" || len(c.RawID) == 0 || len(c.RawID) > longestID ||
		c.ID != b64.EncodeToString(c.RawID) || len(c.Response.ClientDataJSON) == 0 {
		return c, invalid(form)
	}
	for _, part := range []octets{c.Response.ClientDataJSON, c.Response.AuthenticatorData, c.Response.Signature, c.Response.UserHandle} {
		if len(part) > longestPart {
			return c, invalid("This is too long for what a passkey answers.")
		}
	}
	return c, nil
}

const form = "The response is what PublicKeyCredential.toJSON() gives, or its text."

func invalid(message string) error { return countersign.Invalid("response", "invalid", message) }

// Names says whose passkey answered, by the passkey's own name, so that
// nobody need be named before.
func (*Method) Names(answer json.RawMessage) string {
	var in struct {
		Response jsontext.Value `json:"response"`
	}
	if jsonx.Unmarshal(answer, &in) != nil {
		return ""
	}
	c, err := parse(in.Response)
	if err != nil {
		return ""
	}
	return c.ID
}

// client checks what the browser says it signed for: sections 7.1 and 7.2,
// steps on type, challenge, origin, crossOrigin and topOrigin.
func (m *Method) client(raw []byte, kind string, challenge []byte) error {
	var c struct {
		Type        string  `json:"type"`
		Challenge   string  `json:"challenge"`
		Origin      string  `json:"origin"`
		CrossOrigin bool    `json:"crossOrigin"`
		TopOrigin   *string `json:"topOrigin"`
	}
	switch err := jsonx.Unmarshal(raw, &c); {
	case err != nil:
		return countersign.NoMatch("the client data is not of its form")
	case c.Type != kind:
		return countersign.NoMatch("the client data is of another ceremony")
	case !secret.Equal([]byte(c.Challenge), []byte(b64.EncodeToString(challenge))):
		return countersign.NoMatch("another challenge")
	case !slices.Contains(m.o.Origins, c.Origin):
		return countersign.NoMatch("another origin")
	case c.CrossOrigin || c.TopOrigin != nil:
		// Whoever frames us could show what they like around the prompt.
		return countersign.NoMatch("from a frame of another origin")
	}
	return nil
}

// authenticator checks what the authenticator says of itself. present is
// whether somebody must have touched it, verified whether it must know them.
func (m *Method) authenticator(a *protocol.AuthenticatorData, present, verified bool) error {
	switch {
	case !bytes.Equal(a.RPIDHash, m.rpHash[:]):
		return countersign.NoMatch("another RP ID")
	case present && !a.Flags.UserPresent():
		return countersign.NoMatch("nobody was present")
	case verified && !a.Flags.UserVerified():
		return countersign.NoMatch("the user was not verified")
	case a.Flags.HasBackupState() && !a.Flags.HasBackupEligible():
		return countersign.NoMatch("backed up without being eligible for it")
	}
	return nil
}

// transports keeps what a browser may be told again: short names, each once, in
// order. Ones that we do not know are kept, as section 5.8.4 asks.
func transports(said []string) (list []string) {
	for _, t := range said {
		if len(t) > 0 && len(t) <= 32 && strings.Trim(t, "abcdefghijklmnopqrstuvwxyz-") == "" && len(list) < 8 && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	return list
}
