package strength

import (
	"strings"
	"testing"
)

func find(word string) (entry, bool) {
	s := allWords()
	for _, c := range []byte(word) {
		s = s.narrow(c)
	}
	return s.word()
}

func TestTheDictionaryIsSortedAndWhole(t *testing.T) {
	last, count, long := "", 0, 0
	for line := range strings.Lines(words) {
		word, _, _ := strings.Cut(line, " ")
		if word <= last {
			t.Fatalf("%q stands after %q", word, last)
		}
		last = word
		count++
		if count%11 != 0 && count > 100 {
			continue
		}
		if e, ok := find(word); !ok || e.rank < 1 || e.rank > 30_000 || e.kind == brute {
			t.Errorf("%q is found as %+v, %t", word, e, ok)
		}
	}
	for line := range strings.Lines(words) {
		if word, kinds, _ := strings.Cut(line, " "); strings.Contains(kinds, "p") && len(word) >= MinLength {
			long++
		}
	}
	if count != 93_855 || long < 10_000 {
		t.Errorf("%d words, %d of them common passwords long enough to be chosen", count, long)
	}
}

func TestOnlyWholeWordsAreFound(t *testing.T) {
	for word, want := range map[string]bool{
		"password": true, "passwor": true, "passworx": false, "": false, "!qaz2wsx": true, "zzzzzzz1": true, "zzzzzzzzzzzzzzzzz": false,
		"~": false, "\x00": false, "\n": false, " ": false, "password ": false, "password 2": false,
	} {
		if _, ok := find(word); ok != want {
			t.Errorf("%q: found is %t", word, ok)
		}
	}
}

func TestRanksAreThoseOfTheLists(t *testing.T) {
	for word, want := range map[string]entry{
		"password": {2, commonPassword, true}, "123456": {1, commonPassword, true}, "the": {1, commonWord, true}, "smith": {1, name, true},
	} {
		if got, _ := find(word); got.rank != want.rank || got.kind != want.kind {
			t.Errorf("%q: %+v, want %+v", word, got, want)
		}
	}
}
