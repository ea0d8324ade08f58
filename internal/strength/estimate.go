package strength

import (
	"math"
	"slices"
)

// kind is what a part of a password was recognised as.
type kind int

const (
	brute kind = iota // nothing: every character must be guessed
	commonPassword
	commonWord
	name
	ownWord
	keyboard
	repeat
	run
	date
)

// part is a stretch of the password and how many guesses it takes alone.
type part struct {
	from, to int // text[from:to]
	kind     kind
	guesses  float64
	hints    []Advice
}

// chain is the cheapest way found to guess a text up to some place with a given number of parts.
type chain struct {
	last    part
	product float64 // of the guesses of its parts
	guesses float64 // the product times the orders of the parts, and a price for their number
}

// estimate gives the guesses that the cheapest attack needs, and the parts it is made of. It is the dynamic programme of
// zxcvbn: of all ways to cut the text into recognised parts, the least of l!·∏guesses + 10000^(l-1) for l parts.
// It takes milliseconds at most for 64 characters, whatever they are: a test holds it to that.
func estimate(text []letter, names [][]rune) (float64, []part) {
	if len(text) == 0 {
		return 1, nil
	}
	ending := make([][]part, len(text)+1)
	for _, found := range [][]part{
		findWords(text), findOwn(text, names), findKeyboard(text),
		findRepeats(text, names), findRuns(text), findYears(text), findDates(text),
	} {
		for _, p := range found {
			if p.to-p.from < len(text) {
				p.guesses = max(p.guesses, leastOf(p.to-p.from))
			}
			ending[p.to] = append(ending[p.to], p)
		}
	}
	best := make([][]chain, len(text)+1) // best[end][l]: l parts that end at end; guesses 0 means none
	best[0] = []chain{{}}
	for end := 1; end <= len(text); end++ {
		for _, p := range ending[end] {
			extend(best, p)
		}
		for from := range end {
			extend(best, part{from: from, to: end, kind: brute, guesses: bruteGuesses(end - from)})
		}
	}
	return cheapest(best)
}

// leastOf is the least that a part of a longer password counts for: an attacker does not know where it ends.
func leastOf(length int) float64 {
	if length == 1 {
		return 10
	}
	return 50
}

// bruteGuesses counts ten for each character, however many there are to choose from: people's unrecognised parts are no
// random ones. It is always a little more than the least of a recognised part, so that recognition wins a tie.
func bruteGuesses(length int) float64 {
	return max(math.Pow(10, float64(length)), leastOf(length)+1)
}

// extend puts p after every chain that ends where p begins, and keeps what is cheaper than each chain with as many
// parts or fewer.
func extend(best [][]chain, p part) {
	for l, before := range best[p.from] {
		if p.from > 0 && before.guesses == 0 || p.kind == brute && before.last.kind == brute && l > 0 {
			continue // no such chain; or two brute parts side by side, which one would do cheaper
		}
		c := chain{last: p, product: p.guesses}
		if l > 0 {
			c.product *= before.product
		}
		c.guesses = math.Gamma(float64(l+2))*c.product + math.Pow(10_000, float64(l))
		keep(best, p.to, l+1, c)
	}
}

func keep(best [][]chain, end, l int, c chain) {
	at := best[end]
	// A longer chain has to be strictly cheaper: with as many guesses, fewer parts explain more.
	for k := 1; k <= l && k < len(at); k++ {
		if at[k].guesses != 0 && at[k].guesses <= c.guesses {
			return
		}
	}
	for len(at) <= l {
		at = append(at, chain{})
	}
	at[l] = c
	best[end] = at
}

func cheapest(best [][]chain) (float64, []part) {
	end := len(best) - 1
	length, guesses := 0, math.Inf(1)
	for l, c := range best[end] {
		if c.guesses != 0 && c.guesses < guesses {
			length, guesses = l, c.guesses
		}
	}
	var parts []part
	for l := length; l > 0; l-- {
		p := best[end][l].last
		parts = append(parts, p)
		end = p.from
	}
	slices.Reverse(parts)
	return guesses, parts
}

// advise gives the hints for a refused password: what its longest part was, and how it was written.
func advise(problem Problem, parts []part) []Advice {
	advice := []Advice{addWords}
	if problem == Common {
		advice = append(advice, avoidCommon)
	}
	if problem == ContainsOwnName {
		advice = append(advice, avoidOwn)
	}
	var longest part
	for _, p := range parts {
		if p.to-p.from > longest.to-longest.from {
			longest = p
		}
	}
	switch longest.kind {
	case commonPassword, commonWord:
		advice = append(advice, avoidCommon)
	case name:
		advice = append(advice, avoidNames)
	case ownWord:
		advice = append(advice, avoidOwn)
	case keyboard:
		advice = append(advice, avoidKeyboard)
	case repeat:
		advice = append(advice, avoidRepeats)
	case run:
		advice = append(advice, avoidRuns)
	case date:
		advice = append(advice, avoidDates)
	}
	advice = append(advice, longest.hints...)
	slices.Sort(advice[1:]) // the general one stays first
	return slices.Compact(advice)
}
