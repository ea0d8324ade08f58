package strength

import (
	_ "embed"
	"strconv"
	"strings"
)

// words is the dictionary; NOTICE.md says what a line is and where the words come from. It is never decoded: the
// pages that a search touches are read from the binary, the others cost nothing.
//
//go:embed words.txt
var words string

// entry is one line of the dictionary.
type entry struct {
	rank     float64
	kind     kind
	password bool // it is on the list of common passwords
}

// shelf is a stretch of whole lines of words, all of which begin with the same depth bytes.
type shelf struct{ from, to, depth int }

func allWords() shelf { return shelf{0, len(words), 0} }

// narrow gives the lines of s whose next byte is c.
func (s shelf) narrow(c byte) shelf {
	from := s.first(c)
	return shelf{from, shelf{from, s.to, s.depth}.first(c + 1), s.depth + 1}
}

// first is a binary search by bytes that steps back to the beginning of a line: lines are short, so that costs less than an
// index would weigh. A space ends every word and sorts before all of their bytes, so the word itself comes first. It finds where the lines of s begin whose next byte is c or more.
func (s shelf) first(c byte) int {
	lo, hi := s.from, s.to
	for lo < hi {
		mid := lo + (hi-lo)/2
		start := lo
		if i := strings.LastIndexByte(words[lo:mid], '\n'); i >= 0 {
			start = lo + i + 1
		}
		if words[start+s.depth] >= c {
			hi = start
			continue
		}
		lo = start + strings.IndexByte(words[start:], '\n') + 1
	}
	return lo
}

// word gives the entry of the word that ends here, if the bytes so far are one.
func (s shelf) word() (entry, bool) {
	if s.from >= s.to || words[s.from+s.depth] != ' ' {
		return entry{}, false
	}
	line, _, _ := strings.Cut(words[s.from+s.depth+1:s.to], "\n")
	digits := strings.TrimRight(line, "pwn")
	rank, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return entry{}, false // a test reads every line, so there is none
	}
	kinds := line[len(digits):]
	e := entry{rank: rank, password: strings.Contains(kinds, "p")}
	switch kinds[0] {
	case 'p':
		e.kind = commonPassword
	case 'w':
		e.kind = commonWord
	default:
		e.kind = name
	}
	return e, true
}

// isCommon tells whether the whole text, whatever its case, is on the list of common passwords.
func isCommon(text []letter) bool {
	s := allWords()
	for _, l := range text {
		if l.low > '~' || l.low <= ' ' {
			return false
		}
		s = s.narrow(byte(l.low))
	}
	e, ok := s.word()
	return ok && e.password
}
