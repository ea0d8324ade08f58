package strength

import "strings"

// findRepeats gives stretches that are one piece two or more times over, as the leftmost and longest ones follow each other.
func findRepeats(text []letter, names [][]rune) []part {
	var parts []part
	for i := 0; i < len(text); {
		piece, to := repeatAt(text, i)
		if to == i {
			i++
			continue
		}
		base, _ := estimate(text[i:i+piece], names)
		parts = append(parts, part{from: i, to: to, kind: repeat, guesses: base * float64((to-i)/piece)})
		i = to
	}
	return parts
}

// A repetition is worth what its piece is worth, times how often it stands there: who guesses the piece tries those next.
// The piece is shorter than half of the text, so that judging it in turn cannot go deep.

// repeatAt finds the longest repetition that begins at from, and of those the one with the shortest piece. No
// repetition gives to == from.
func repeatAt(text []letter, from int) (piece, to int) {
	to = from
	for p := 1; from+2*p <= len(text); p++ {
		end := from + p
		for end < len(text) && text[end].is == text[end-p].is {
			end++
		}
		if whole := from + (end-from)/p*p; whole-from >= 2*p && whole > to {
			piece, to = p, whole
		}
	}
	return piece, to
}

// findRuns gives sequences such as abc, 7531 or ЖЗИ: code points at one small distance.
func findRuns(text []letter) []part {
	const widest = 5 // wider steps are no sequence that a person would think of
	var parts []part
	for i := 0; i+1 < len(text); {
		step := text[i+1].is - text[i].is
		to := i + 2
		for to < len(text) && text[to].is-text[to-1].is == step {
			to++
		}
		size := max(step, -step)
		if size == 1 || size > 0 && size <= widest && to-i > 2 {
			parts = append(parts, part{from: i, to: to, kind: run, guesses: runGuesses(text[i].is, step, to-i)})
		}
		i = to - 1 // the last of one run may be the first of the next: abcba
	}
	return parts
}

func runGuesses(first, step rune, length int) float64 {
	base := 26.0
	switch {
	case strings.ContainsRune("aAzZ019", first):
		base = 4 // where everybody begins
	case first >= '0' && first <= '9':
		base = 10 // 26 for everything else, capitals and other scripts too: rather too few than too many
	}
	if step < 0 {
		base *= 2
	}
	return base * float64(length)
}
