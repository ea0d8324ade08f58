// Package strength judges whether a password is good enough to be chosen. It owns the rules of length, the list of common
// passwords, the check against the user's own names, and an estimate of how many guesses a password withstands,
// after the method of zxcvbn (Wheeler, USENIX Security 2016).
//
// The estimate is our own and not a library's: the Go port parses its dictionaries before main begins (40 to 60 ms and 7 MB in
// every process, even one that asks for its version) and needs 0.7 s for one hostile password of 64 characters. Here the
// dictionaries are searched where the linker put them: nothing at start, nothing on the heap.
//
// It does not hash, stores nothing, asks no network, and has no words for people: it answers with codes.
package strength

import "unicode/utf8"

// Bounds of the rules. Lengths are code points of the normalised password.
const (
	MinLength    = 8   // the default of Rules.Min
	NISTLength   = 15  // Rules.Min where a password is the only factor (SP 800-63B-4)
	MaxLength    = 256 // longer ones are refused, never cut
	MinScore     = 3   // the default of Rules.Score: 10^8 guesses
	estimateOver = 64  // the estimate reads no further, which bounds its time; what follows only adds strength
)

// Problem says why a password is refused. It is a stable code that clients may rely on; English gives its text.
type Problem string

// The problems, in the order in which they are looked for. The zero value means the password is accepted.
const (
	OK              Problem = ""
	NotText         Problem = "not_text"
	TooShort        Problem = "too_short"
	TooLong         Problem = "too_long"
	Common          Problem = "common"
	ContainsOwnName Problem = "contains_own_name"
	Repeated        Problem = "repeated"
	TooWeak         Problem = "too_weak"
)

// Advice is a stable code of a hint for choosing better; English gives its text.
type Advice string

// The hints that come with a refusal. They are not exported: nobody branches on one, English lists them all.
const (
	addWords      Advice = "add_words"
	avoidCommon   Advice = "avoid_common"
	avoidNames    Advice = "avoid_names"
	avoidOwn      Advice = "avoid_own"
	avoidKeyboard Advice = "avoid_keyboard"
	avoidRepeats  Advice = "avoid_repeats"
	avoidRuns     Advice = "avoid_runs"
	avoidDates    Advice = "avoid_dates"
	caseIsWeak    Advice = "case_is_weak"
	leetIsWeak    Advice = "leet_is_weak"
	reverseIsWeak Advice = "reverse_is_weak"
)

// English lists every code with an English text, for catalogues and for tests that none is missing.
func English() map[string]string {
	return map[string]string{
		string(NotText):         "This password contains characters that cannot be typed again reliably.",
		string(TooShort):        "This password is too short.",
		string(TooLong):         "This password is too long.",
		string(Common):          "This password is one of the most common ones.",
		string(ContainsOwnName): "This password is made from your name, your address or the name of this service.",
		string(Repeated):        "This password repeats itself.",
		string(TooWeak):         "This password is easy to guess.",
		string(addWords):        "Add another word or two. Uncommon words are better.",
		string(avoidCommon):     "Avoid common passwords and single common words.",
		string(avoidNames):      "Avoid first and last names.",
		string(avoidOwn):        "Avoid your own name, your address and the name of this service.",
		string(avoidKeyboard):   "Avoid rows and short patterns of the keyboard.",
		string(avoidRepeats):    "Avoid repeated words and characters.",
		string(avoidRuns):       "Avoid sequences such as abc or 6543.",
		string(avoidDates):      "Avoid dates and years.",
		string(caseIsWeak):      "Capital letters in the usual places help little.",
		string(leetIsWeak):      "Replacing letters by look-alikes, such as @ for a, helps little.",
		string(reverseIsWeak):   "Words written backwards are hardly harder to guess.",
	}
}

// Rules is how strong a password must be. The zero value is the default.
type Rules struct {
	Min   int // least length in code points; 0 means MinLength
	Score int // least score, 1 to 4; 0 means MinScore
}

// Verdict is the judgement on one password. It never contains any part of it.
type Verdict struct {
	Score   int      // 0 to 4: below 10^3, 10^6, 10^8, 10^10 guesses, or more
	Problem Problem  // OK when the password may be used
	Advice  []Advice // at least one when the problem is Common, ContainsOwnName, Repeated or TooWeak
}

// Check judges password for a user. own are texts the password must not be made of: the user's names and addresses
// and the service's name, in any form. password is normalised first; the caller hashes what Normalize gives.
func (r Rules) Check(password string, own []string) Verdict {
	normal, err := Normalize(password)
	switch n := utf8.RuneCountInString(normal); {
	case err == errTooLong || n > MaxLength:
		return Verdict{Problem: TooLong}
	case err != nil:
		return Verdict{Problem: NotText}
	case n < r.min():
		return Verdict{Problem: TooShort}
	}
	text := fold(normal)
	names := ownParts(own)
	guesses, parts := estimate(text[:min(len(text), estimateOver)], names)
	v := Verdict{Score: score(guesses), Problem: OK}
	switch {
	case isCommon(text):
		v.Problem, v.Score = Common, min(v.Score, 1)
	case madeOf(text, names, r.min()), v.Score < r.score() && usesOwn(parts):
		v.Problem = ContainsOwnName
	case v.Score >= r.score():
		return v
	case len(parts) == 1 && parts[0].kind == repeat:
		v.Problem = Repeated
	default:
		v.Problem = TooWeak
	}
	v.Advice = advise(v.Problem, parts)
	return v
}

func (r Rules) min() int {
	if r.Min == 0 {
		return MinLength
	}
	return r.Min
}

func (r Rules) score() int {
	if r.Score == 0 {
		return MinScore
	}
	return r.Score
}

func score(guesses float64) int {
	for i, limit := range []float64{1e3, 1e6, 1e8, 1e10} {
		if guesses < limit+5 {
			return i
		}
	}
	return 4
}

func usesOwn(parts []part) bool {
	for _, p := range parts {
		if p.kind == ownWord {
			return true
		}
	}
	return false
}
