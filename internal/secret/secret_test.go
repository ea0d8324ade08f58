package secret_test

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign-id/countersign/internal/secret"
)

func TestATokenIsSpottedAndHashed(t *testing.T) {
	documented := regexp.MustCompile(`^cs_(ses|ref|key)_[0-9A-Za-z]{49}$`)
	token, hash := secret.New(secret.Session)
	if !documented.MatchString(token) {
		t.Errorf("the documented expression does not match a token of length %d", len(token))
	}
	if hash != sha256.Sum256([]byte(token)) {
		t.Error("the hash is not SHA-256 of the token")
	}
	if got, ok := secret.Hash(secret.Session, token); !ok || got != hash {
		t.Error("a token is refused")
	}
}

func TestEveryMistypedTokenIsRefused(t *testing.T) {
	token, _ := secret.New(secret.Session)
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
	token, _ := secret.New(secret.Session)
	f.Add(token)
	f.Add("cs_ses_")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if h, ok := secret.Hash(secret.Session, s); ok && h != sha256.Sum256([]byte(s)) {
			t.Error("accepted with another hash")
		}
	})
}
