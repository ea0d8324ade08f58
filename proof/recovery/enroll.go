package recovery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

// alphabet is Crockford's base32: 5 bits a character, without i, l, o and u,
// which handwriting and print take for others.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	length = 16 // characters of a code: 80 bits
	group  = 4  // characters between two dashes
)

// fresh makes a code without its dashes.
func fresh() string {
	var b [length * 5 / 8]byte
	rand.Read(b[:])
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// shown is a code in groups, as it is printed.
func shown(code string) string {
	var groups []string
	for i := 0; i < len(code); i += group {
		groups = append(groups, code[i:i+group])
	}
	return strings.Join(groups, "-")
}

// typed reads a code as a person copied it from paper: in either case, with or
// without its dashes, a letter o for a zero, i or l for a one, and in the wide
// characters of an East Asian keyboard. ok is false for what has not the form of a code.
func typed(text string) (code string, ok bool) {
	if len(text) > 200 {
		return "", false
	}
	var b strings.Builder
	for _, r := range text {
		if r >= '！' && r <= '～' { // the full-width forms of ASCII stand in its order (Unicode, FF01 to FF5E)
			r -= '！' - '!'
		}
		switch r = unicode.ToLower(r); {
		case unicode.IsSpace(r), unicode.In(r, unicode.Pd, unicode.Cf), r == '\u2212': // the minus sign
			continue
		case r == 'o':
			r = '0'
		case r == 'i' || r == 'l':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), b.Len() == length
}

// kept is a set that was shown and not taken yet.
type kept struct {
	Identity countersign.IdentityID `json:"identity"`
	Hashes   [][]byte               `json:"hashes"`
}

// Collection says how sets are kept: one, of which a new one takes the place. To
// add it is one step, for nobody can show more than that the codes were seen.
func (*Method) Collection() countersign.Collection {
	return countersign.Collection{Path: "recovery-codes", Most: 1, Direct: true, Fixed: true}
}

// Detail is how many codes are left of how many; nothing for what cannot be read.
func (*Method) Detail(c countersign.Credential) map[string]any {
	var s set
	if json.Unmarshal(c.Data, &s) != nil {
		return map[string]any{}
	}
	return map[string]any{"left": len(s.Hashes), "of": s.Total}
}

// Prepare makes a set of codes and shows it, this once. They prove nothing before Enroll.
func (m *Method) Prepare(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	keep := kept{Identity: s.Identity}
	var codes []string
	for range total {
		code := fresh()
		hash := sha256.Sum256([]byte(code))
		keep.Hashes, codes = append(keep.Hashes, hash[:]), append(codes, shown(code))
	}
	kept, err := json.Marshal(keep)
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("recovery: %w", err)
	}
	show, err := json.Marshal(map[string][]string{"codes": codes})
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("recovery: %w", err)
	}
	return countersign.Challenge{
		Method: m.Name(), Subject: countersign.Subject{Identity: s.Identity, Address: s.Address},
		Keep: kept, Show: show, Tries: 1, Expires: m.o.Now().Add(life),
	}, nil
}

// Enroll takes the set that was prepared for the same identity. The answer holds nothing more than the method.
func (m *Method) Enroll(_ context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	var in struct {
		Method string `json:"method"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Credential{}, countersign.Invalid("evidence", "invalid", `To make recovery codes, give {"method"}.`)
	}
	var asked kept
	if len(e.Asked) == 0 || json.Unmarshal(e.Asked, &asked) != nil || len(asked.Hashes) != total {
		return countersign.Credential{}, countersign.NoMatch("nothing was prepared")
	}
	for _, h := range asked.Hashes {
		if len(h) != sha256.Size {
			return countersign.Credential{}, countersign.NoMatch("nothing was prepared")
		}
	}
	if asked.Identity != s.Identity {
		return countersign.Credential{}, countersign.NoMatch("prepared for another identity")
	}
	data, err := json.Marshal(set{asked.Hashes, total})
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("recovery: %w", err)
	}
	return countersign.Credential{Identity: s.Identity, Method: m.Name(), Data: data, CreatedAt: m.o.Now()}, nil
}
