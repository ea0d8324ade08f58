package strength

import "strings"

// layout is a keyboard: rows of keys, what each gives plain and shifted, and how far each row is indented. On a slanted
// board a key has six neighbours, on a square one eight.
type layout struct {
	rows    []string
	indent  []int
	perKey  int // characters of one key
	slanted bool
	keys    float64 // characters on the board, and how many neighbours a key has on average:
	degree  float64 // the figures of zxcvbn's scoring for the two families
}

func layouts() []layout {
	letters := layout{indent: []int{0, 1, 1, 1}, perKey: 2, slanted: true, keys: 94, degree: 4.595744680851064}
	digits := layout{perKey: 1, keys: 15, degree: 5.066666666666666}
	qwerty, dvorak, keypad, mac := letters, letters, digits, digits
	qwerty.rows = []string{"`~1!2@3#4$5%6^7&8*9(0)-_=+", `qQwWeErRtTyYuUiIoOpP[{]}\|`, `aAsSdDfFgGhHjJkKlL;:'"`, `zZxXcCvVbBnNmM,<.>/?`}
	dvorak.rows = []string{"`~1!2@3#4$5%6^7&8*9(0)[{]}", `'",<.>pPyYfFgGcCrRlL/?=+\|`, `aAoOeEuUiIdDhHtTnNsS-_`, `;:qQjJkKxXbBmMwWvVzZ`}
	keypad.rows, keypad.indent = []string{"/*-", "789+", "456", "123", "0."}, []int{1, 0, 0, 0, 1}
	mac.rows, mac.indent = []string{"=/*", "789-", "456+", "123", "0."}, []int{1, 0, 0, 0, 1}
	return []layout{qwerty, dvorak, keypad, mac}
}

type key struct {
	x, y    int
	shifted bool
}

func (b layout) find(c rune) (key, bool) {
	for y, row := range b.rows {
		if i := strings.IndexRune(row, c); i >= 0 {
			return key{b.indent[y] + i/b.perKey, y, i%b.perKey == 1}, true
		}
	}
	return key{}, false
}

// near tells whether q lies beside k, and in which direction.
func (b layout) near(k, q key) (direction [2]int, ok bool) {
	dx, dy := q.x-k.x, q.y-k.y
	if dx == 0 && dy == 0 || dx < -1 || dx > 1 || dy < -1 || dy > 1 {
		return direction, false
	}
	// Rows shift by half a key: only one of the two diagonals touches.
	if b.slanted && dx == dy {
		return direction, false
	}
	return [2]int{dx, dy}, true
}

// findKeyboard gives the paths of three keys and more over a keyboard.
func findKeyboard(text []letter) []part {
	var parts []part
	for _, board := range layouts() {
		for i := 0; i < len(text)-1; {
			to, turns, shifted := board.path(text, i)
			if to-i > 2 {
				parts = append(parts, part{from: i, to: to, kind: keyboard, guesses: board.guesses(to-i, turns, shifted)})
			}
			i = to
		}
	}
	return parts
}

// path follows neighbouring keys from text[from]; it ends before to.
func (b layout) path(text []letter, from int) (to, turns, shifted int) {
	k, ok := b.find(text[from].is)
	if !ok {
		return from + 1, 0, 0
	}
	if k.shifted {
		shifted++
	}
	var last [2]int // no direction is zero, so the first step counts as a turn: every path has one
	for to = from + 1; to < len(text); to++ {
		q, ok := b.find(text[to].is)
		if !ok {
			break
		}
		direction, ok := b.near(k, q)
		if !ok {
			break
		}
		if direction != last {
			turns, last = turns+1, direction
		}
		if q.shifted {
			shifted++
		}
		k = q
	}
	return to, turns, shifted
}

// guesses is what an attacker tries who knows the board and goes from short and straight to long and winding: it counts the paths of up to this length and this many turns, and the ways to hold shift.
func (b layout) guesses(length, turns, shifted int) float64 {
	sum := 0.0
	for l := 2; l <= length; l++ {
		power := 1.0
		for t := 1; t <= min(turns, l-1); t++ {
			power *= b.degree
			sum += choose(l-1, t-1) * b.keys * power
		}
	}
	switch plain := length - shifted; {
	case shifted == 0:
		return sum
	case plain == 0:
		return 2 * sum
	default:
		return sum * waysUpTo(shifted, plain)
	}
}
