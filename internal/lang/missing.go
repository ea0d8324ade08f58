package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Missing lists what keeps the languages from saying the same, one line each,
// sorted: a key that one has and another lacks, an empty string, placeholders
// that differ, plural forms in one only, a key in two catalogues. It is for
// tests, where the list must be empty; at run time gaps are filled from the
// first language.
func (c *Catalog) Missing() []string {
	gaps := slices.Clone(c.twice)
	first := c.entries[0]
	for i, entries := range c.entries {
		locale := c.printers[i].Tag()
		for id, m := range entries {
			if m.other == "" {
				gaps = append(gaps, fmt.Sprintf("%s: %s is empty", locale, id))
			}
			if _, ok := first[id]; !ok {
				gaps = append(gaps, fmt.Sprintf("%s: %s is missing", c.printers[0].Tag(), id))
			}
		}
		for id, want := range first {
			got, ok := entries[id]
			if !ok {
				gaps = append(gaps, fmt.Sprintf("%s: %s is missing", locale, id))
				continue
			}
			gaps = append(gaps, differ(locale, id, want, got)...)
		}
	}
	slices.Sort(gaps)
	return slices.Compact(gaps)
}

// differ compares one string with its translation. Only the form "other" has to
// name the same things: "one device" may do without its number.
func differ(locale, id string, want, got entry) []string {
	var gaps []string
	if w, g := placeholders(want.other), placeholders(got.other); !maps.Equal(w, g) {
		gaps = append(gaps, fmt.Sprintf("%s: %s has the placeholders %s, wants %s", locale, id, names(g), names(w)))
	}
	if want.plural != got.plural {
		gaps = append(gaps, fmt.Sprintf("%s: %s has plural forms in one language only", locale, id))
	}
	return gaps
}

func names(set map[string]bool) string {
	return "{" + strings.Join(slices.Sorted(maps.Keys(set)), ", ") + "}"
}
