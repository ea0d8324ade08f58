package strength

import (
	"slices"
	"strings"
)

// finder looks for dictionary words in a text.
type finder struct {
	text  []letter
	leet  bool // look-alikes count as the letters they stand for
	found func(from, to int, word []byte, e entry)
}

// Unlike zxcvbn, which tries each consistent table of look-alikes over the whole password (and so takes exponential time on a
// password that has them all), every character is read in all its ways while the dictionary is walked. That finds a few
// words more, those that write one letter in two ways, which an attacker's rules find too.

// findWords gives every part of text that is a word, a name or a common password; also with look-alikes, and backwards.
func findWords(text []letter) []part {
	var parts []part
	forward := finder{text: text, leet: true}
	forward.found = func(from, to int, word []byte, e entry) {
		p := part{from: from, to: to, kind: e.kind, guesses: e.rank}
		p.vary(text[from:to], []rune(string(word)))
		parts = append(parts, p)
	}
	forward.all()

	mirror := slices.Clone(text)
	slices.Reverse(mirror)
	backward := finder{text: mirror}
	backward.found = func(from, to int, word []byte, e entry) {
		p := part{from: len(text) - to, to: len(text) - from, kind: e.kind, guesses: 2 * e.rank}
		if to-from > 1 && !palindrome(word) {
			p.hints = append(p.hints, reverseIsWeak)
		}
		p.vary(mirror[from:to], []rune(string(word)))
		parts = append(parts, p)
	}
	backward.all()
	return parts
}

func (f *finder) all() {
	for i := range f.text {
		f.walk(i, i, allWords(), nil)
	}
}

// walk goes on from text[at] with the words that begin as text[from:at] does, down the dictionary as down a tree of letters. What no
// word begins with is left at once, so the words there are bound the time and not the readings there are: the worst
// of 64 characters found takes 10,000 steps, about a millisecond.
func (f *finder) walk(from, at int, s shelf, word []byte) {
	if e, ok := s.word(); ok {
		f.found(from, at, word, e)
	}
	if at == len(f.text) || s.from == s.to {
		return
	}
	for _, c := range f.readings(f.text[at].low) {
		if next := s.narrow(byte(c)); next.from < next.to {
			f.walk(from, at+1, next, append(word[:len(word):len(word)], byte(c)))
		}
	}
}

// readings gives what c may stand for in a word: itself, and the letters it looks like.
func (f *finder) readings(c rune) string {
	if c <= ' ' || c > '~' {
		return "" // the dictionaries are ASCII
	}
	if !f.leet {
		return string(c)
	}
	return string(c) + lookAlikes(c)
}

func lookAlikes(c rune) string {
	switch c {
	case '4', '@':
		return "a"
	case '8':
		return "b"
	case '(', '{', '[', '<':
		return "c"
	case '3':
		return "e"
	case '6', '9':
		return "g"
	case '1', '|':
		return "il"
	case '!':
		return "i"
	case '7':
		return "lt"
	case '0':
		return "o"
	case '$', '5':
		return "s"
	case '+':
		return "t"
	case '%':
		return "x"
	case '2':
		return "z"
	}
	return ""
}

// findOwn gives the parts of text that are the user's own words, which an attacker tries before any other.
func findOwn(text []letter, names [][]rune) []part {
	var parts []part
	for rank, name := range names {
		back := slices.Clone(name)
		slices.Reverse(back)
		for from := 0; from+len(name) <= len(text); from++ {
			token := text[from : from+len(name)]
			p := part{from: from, to: from + len(name), kind: ownWord, guesses: float64(rank + 1)}
			switch {
			case reads(token, name):
				p.vary(token, name)
			case reads(token, back):
				p.guesses *= 2
				p.hints = append(p.hints, reverseIsWeak)
				p.vary(token, back)
			default:
				continue
			}
			parts = append(parts, p)
		}
	}
	return parts
}

func reads(token []letter, word []rune) bool {
	for i, l := range token {
		if l.low != word[i] && !strings.ContainsRune(lookAlikes(l.low), word[i]) {
			return false
		}
	}
	return true
}

// vary multiplies the guesses of a word by the ways to write it: capitals, look-alikes.
func (p *part) vary(token []letter, word []rune) {
	if n := capitals(token); n > 1 {
		p.guesses *= n
		p.hints = append(p.hints, caseIsWeak)
	}
	if n := substitutions(token, word); n > 1 {
		p.guesses *= n
		p.hints = append(p.hints, leetIsWeak)
	}
}

// capitals counts the ways to set this many capitals; the usual places cost an attacker one more try.
func capitals(token []letter) float64 {
	upper, lower := 0, 0
	for _, l := range token {
		if l.is != l.low {
			upper++
		} else if l.low >= 'a' && l.low <= 'z' {
			lower++
		}
	}
	first, last := token[0], token[len(token)-1]
	switch {
	case upper == 0:
		return 1
	case lower == 0, upper == 1 && (first.is != first.low || last.is != last.low):
		return 2
	}
	return waysUpTo(upper, lower)
}

// substitutions counts, for each look-alike in use, the ways to use it for some of its letters.
func substitutions(token []letter, word []rune) float64 {
	ways := 1.0
	for i, l := range token {
		first := slices.IndexFunc(token, func(o letter) bool { return o.low == l.low })
		if l.low == word[i] || first != i {
			continue
		}
		done, left := 0, 0
		for _, o := range token {
			switch o.low {
			case l.low:
				done++
			case word[i]:
				left++
			}
		}
		if left == 0 {
			ways *= 2
			continue
		}
		ways *= waysUpTo(done, left)
	}
	return ways
}

// waysUpTo is the number of ways to choose 1 to min(a, b) of a+b.
func waysUpTo(a, b int) float64 {
	sum := 0.0
	for k := 1; k <= min(a, b); k++ {
		sum += choose(a+b, k)
	}
	return sum
}

func choose(n, k int) float64 {
	if k > n {
		return 0
	}
	r := 1.0
	for d := 1; d <= k; d++ {
		r = r * float64(n-d+1) / float64(d)
	}
	return r
}

func palindrome(word []byte) bool {
	for i := range word {
		if word[i] != word[len(word)-1-i] {
			return false
		}
	}
	return true
}
