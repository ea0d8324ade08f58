package strength

import "strings"

const (
	thisYear   = 2026 // dates near it are tried first; a decade's error changes no score by more than a half
	yearsTried = 20   // at least
	firstYear  = 1000
	lastYear   = 2050
)

// findYears gives the four-digit years from 1900 to 2039.
func findYears(text []letter) []part {
	var parts []part
	for i := 0; i+4 <= len(text); i++ {
		if y, ok := number(text[i : i+4]); ok && y >= 1900 && y < 2040 {
			parts = append(parts, part{from: i, to: i + 4, kind: date, guesses: years(y)})
			i += 3
		}
	}
	return parts
}

func years(y int) float64 { return float64(max(y-thisYear, thisYear-y, yearsTried)) }

// findDates gives days with a year in any order that people use, with or without separators: 1.12.91, 19911201, 11291.
// A date within a longer one is left out.
func findDates(text []letter) []part {
	var all []part
	for from := range text {
		for to := from + 4; to <= min(from+10, len(text)); to++ {
			if year, factor, ok := readDate(text[from:to]); ok {
				all = append(all, part{from: from, to: to, kind: date, guesses: years(year) * 365 * factor})
			}
		}
	}
	var parts []part
	for i, p := range all {
		inside := false
		for j, q := range all {
			inside = inside || i != j && q.from <= p.from && q.to >= p.to
		}
		if !inside {
			parts = append(parts, p)
		}
	}
	return parts
}

// readDate gives the year of token as a whole, and by how much its separators multiply the guesses.
func readDate(token []letter) (year int, factor float64, ok bool) {
	if _, digits := number(token); digits {
		year, ok = readPlain(token)
		return year, 1, ok
	}
	var cut []int
	for i, l := range token {
		if l.is < '0' || l.is > '9' {
			cut = append(cut, i)
		}
	}
	if len(cut) != 2 || token[cut[0]].is != token[cut[1]].is || !strings.ContainsRune(` /\_.-`, token[cut[0]].is) {
		return 0, 0, false
	}
	year, ok = readParts(token[:cut[0]], token[cut[0]+1:cut[1]], token[cut[1]+1:])
	return year, 4, ok
}

// This is not the calendar: the 31st of February passes, and so it should, for an attacker's rules let it pass as well.

// readPlain tries every cut of four to eight digits into three and takes the year nearest to now.
func readPlain(token []letter) (year int, ok bool) {
	if len(token) > 8 {
		return 0, false
	}
	for first := 1; first <= 4; first++ {
		for second := first + 1; second <= first+2 && second < len(token); second++ {
			y, good := readParts(token[:first], token[first:second], token[second:])
			if good && (!ok || years(y) < years(year)) {
				year, ok = y, true
			}
		}
	}
	return year, ok
}

// readParts takes the year at either end, four digits or two, and asks that the other two are a day and a month.
func readParts(a, b, c []letter) (year int, ok bool) {
	x, okX := number(a)
	y, okY := number(b)
	z, okZ := number(c)
	if !okX || !okY || !okZ || len(b) > 2 || len(a) > 4 || len(c) > 4 {
		return 0, false
	}
	if isYear(z, c) && dayAndMonth(x, y, a) {
		return whole(z), true
	}
	if isYear(x, a) && dayAndMonth(y, z, c) {
		return whole(x), true
	}
	return 0, false
}

// isYear takes two digits for any year, since those of a birth are more often written so than not.
func isYear(n int, digits []letter) bool {
	return len(digits) == 2 || len(digits) == 4 && n >= firstYear && n <= lastYear
}

func dayAndMonth(p, q int, end []letter) bool {
	return len(end) <= 2 && p >= 1 && q >= 1 && (p <= 31 && q <= 12 || p <= 12 && q <= 31)
}

func whole(y int) int {
	switch {
	case y > 99:
		return y
	case y > 50:
		return 1900 + y
	}
	return 2000 + y
}

// number reads up to ten ASCII digits.
func number(token []letter) (n int, ok bool) {
	if len(token) == 0 || len(token) > 10 {
		return 0, false
	}
	for _, l := range token {
		if l.is < '0' || l.is > '9' {
			return 0, false
		}
		n = n*10 + int(l.is-'0')
	}
	return n, true
}
