package totp

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

// kept is a secret that was shown and waits for its first code.
type kept struct {
	Identity countersign.IdentityID `json:"identity"`
	Secret   []byte                 `json:"secret"`
}

// Collection says where they are kept: several, each with a name.
func (*Method) Collection() countersign.Collection {
	return countersign.Collection{Path: "totp", Most: most}
}

// Detail is nothing: all that an authenticator has besides its name is secret.
func (*Method) Detail(countersign.Credential) map[string]any { return map[string]any{} }

// Prepare makes a secret and shows it in each way an app can take it: to type,
// as an otpauth address, and drawn. It is no credential yet.
func (m *Method) Prepare(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	key := fresh()
	keep, err := json.Marshal(kept{s.Identity, key})
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("totp: %w", err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	uri := m.uri(text, s)
	drawing, err := draw(uri)
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("totp: draw: %w", err)
	}
	expires := m.o.Now().Add(life)
	show, err := json.Marshal(map[string]any{
		"secret": text, "uri": uri, "qr_svg": drawing, "expires_at": expires.UTC().Truncate(time.Second),
	})
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("totp: %w", err)
	}
	return countersign.Challenge{
		Method: m.Name(), Subject: countersign.Subject{Identity: s.Identity, Address: s.Address},
		Keep: keep, Show: show, Tries: tries, Expires: expires,
	}, nil
}

// uri is the address that apps read, as Google Authenticator's key URI format
// has it. A colon divides issuer and account there, so neither may hold one; a
// space is %20, for some apps show a plus.
func (m *Method) uri(text string, s countersign.Subject) string {
	plain := func(text string, most int) string {
		cut := []rune(strings.Join(strings.Fields(strings.ReplaceAll(text, ":", " ")), " "))
		return strings.ReplaceAll(url.QueryEscape(string(cut[:min(len(cut), most)])), "+", "%20")
	}
	issuer, label := plain(m.o.Issuer, 64), plain(s.Address, 254)
	if label == "" && len(s.Names) > 0 {
		label = plain(s.Names[0], 254)
	}
	if label == "" {
		label = "account"
	}
	return "otpauth://totp/" + issuer + ":" + label + "?secret=" + text + "&issuer=" + issuer +
		"&algorithm=SHA1&digits=" + strconv.Itoa(length) + "&period=" + strconv.Itoa(int(period/time.Second))
}

// Enroll accepts {"code": "123456", "name"?: "…"} for the secret that was
// prepared for the same identity: whoever cannot show a code has not got it into
// an app, and would be locked out. That code is used up with it.
func (m *Method) Enroll(_ context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	var in struct {
		Method string `json:"method"`
		Code   string `json:"code"`
		Name   string `json:"name"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Credential{}, countersign.Invalid("evidence", "invalid", `To add an authenticator app, give {"method", "code"} and perhaps a "name".`)
	}
	name := strings.TrimSpace(in.Name)
	if utf8.RuneCountInString(name) > longest || strings.ContainsFunc(name, unicode.IsControl) {
		return countersign.Credential{}, countersign.Invalid("name", "invalid", "A name has at most 60 characters, all on one line.")
	}
	var asked kept
	if len(e.Asked) == 0 || json.Unmarshal(e.Asked, &asked) != nil || len(asked.Secret) != size {
		return countersign.Credential{}, countersign.NoMatch("nothing was prepared")
	}
	if asked.Identity != s.Identity {
		return countersign.Credential{}, countersign.NoMatch("prepared for another identity")
	}
	if strings.TrimSpace(in.Code) == "" {
		return countersign.Credential{}, countersign.Invalid("code", "required", "Enter the code that the app shows.")
	}
	now := m.o.Now()
	step, ok := latest(asked.Secret, typed(in.Code), now)
	if !ok {
		return countersign.Credential{}, countersign.NoMatch("wrong code")
	}
	data, err := json.Marshal(stored{asked.Secret, step})
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("totp: %w", err)
	}
	return countersign.Credential{Identity: s.Identity, Method: m.Name(), Name: name, Data: data, CreatedAt: now}, nil
}
