package secret_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign/internal/secret"
)

func TestATokenIsSpottedAndHashed(t *testing.T) {
	documented := regexp.MustCompile(`^cs_(ses_[0-9A-Za-z]{8}|(lnk|dev|ref|key)_)[0-9A-Za-z]{49}$`)
	token, hash := secret.New(secret.Link)
	if !documented.MatchString(token) {
		t.Errorf("the documented expression does not match a token of length %d", len(token))
	}
	if hash != sha256.Sum256([]byte(token)) {
		t.Error("the hash is not SHA-256 of the token")
	}
	if got, ok := secret.Hash(secret.Link, token); !ok || got != hash {
		t.Error("a token is refused")
	}
	session, _ := secret.NewSession(noon)
	if !documented.MatchString(session) {
		t.Errorf("the documented expression does not match a session's token of length %d", len(session))
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestASessionIsFoundBesideThoseOfItsTime(t *testing.T) {
	var last [32]byte
	for _, at := range []time.Time{time.UnixMilli(0), noon, noon.Add(time.Millisecond), noon.Add(24 * time.Hour), time.UnixMilli(1<<47 - 1)} {
		token, hash := secret.NewSession(at)
		sum := sha256.Sum256([]byte(token))
		if ms := binary.BigEndian.Uint64(append([]byte{0, 0}, hash[:6]...)); int64(ms) != at.UnixMilli() || !bytes.Equal(hash[6:], sum[:26]) {
			t.Errorf("%v: the hash is not the time and SHA-256 of the token", at)
		}
		if got, ok := secret.Hash(secret.Session, token); !ok || got != hash {
			t.Errorf("%v: a token is refused", at)
		}
		if bytes.Compare(last[:], hash[:]) >= 0 {
			t.Errorf("%v: it stands before an older one", at)
		}
		last = hash
	}
	one, _ := secret.NewSession(noon)
	two, _ := secret.NewSession(noon)
	if one == two {
		t.Error("two of one moment are the same")
	}
}

func TestEveryMistypedTokenIsRefused(t *testing.T) {
	token, _ := secret.NewSession(noon)
	deny := func(what, s string) {
		if _, ok := secret.Hash(secret.Session, s); ok {
			t.Errorf("%s is accepted", what)
		}
	}
	for i := range token {
		swapped := byte('0')
		if token[i] == '0' {
			swapped = '1'
		}
		deny("a changed character", token[:i]+string(swapped)+token[i+1:])
		deny("a dropped character", token[:i]+token[i+1:])
		deny("a doubled character", token[:i]+token[i:i+1]+token[i:])
	}
	other, _ := secret.New(secret.Link)
	deny("a token of another kind", other)
	deny("nothing", "")
	deny("a long one", token+strings.Repeat("0", 1<<20))
}

func TestDigitsAreDigitsAndAllOccur(t *testing.T) {
	seen := map[rune]int{}
	for range 1000 {
		code := secret.Digits(8)
		if len(code) != 8 {
			t.Fatalf("a code of %d characters", len(code))
		}
		for _, r := range code {
			seen[r]++
		}
	}
	for r := '0'; r <= '9'; r++ {
		if seen[r] < 600 || seen[r] > 1000 {
			t.Errorf("%c came %d times of 8000", r, seen[r])
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d different characters", len(seen))
	}
}

func TestEmptyNeverMatches(t *testing.T) {
	if secret.Equal(nil, nil) || secret.Equal([]byte{}, []byte{}) || secret.Equal([]byte("a"), []byte("ab")) {
		t.Error("empty or unequal lengths match")
	}
	if !secret.Equal([]byte("ab"), []byte("ab")) {
		t.Error("equal secrets do not match")
	}
}

func FuzzHash(f *testing.F) {
	token, _ := secret.NewSession(noon)
	f.Add(token)
	f.Add("cs_ses_")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		sum := sha256.Sum256([]byte(s))
		if h, ok := secret.Hash(secret.Session, s); ok && !bytes.Equal(h[6:], sum[:26]) {
			t.Error("accepted with another hash")
		}
	})
}
