package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// most is how much a process gives at once.
const most = 200

// gather asks for pages until there are enough. More is where to go on, or "".
func gather[T any](l page, ask func(after string, limit int) ([]T, string, error)) (items []T, more string, err error) {
	items = []T{}
	for more = l.After; ; {
		var got []T
		if got, more, err = ask(more, min(most, l.Limit-len(items))); err != nil {
			return nil, "", err
		}
		items = append(items, got...)
		if more == "" || len(items) >= l.Limit {
			return items, more, nil
		}
	}
}

// list prints a page as JSON in the shape of the API, or as a table.
func list[T any](p *program, l page, items []T, more string, headings []string, row func(T) []string) error {
	if l.JSON {
		next := &more
		if more == "" {
			next = nil
		}
		return p.json(struct {
			Items []T     `json:"items"`
			Next  *string `json:"next"`
		}{items, next})
	}
	if len(items) == 0 {
		fmt.Fprintln(p.err, "There are none.")
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, item := range items {
		cells := row(item)
		for i, c := range cells {
			cells[i] = plain(c)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more != "" {
		fmt.Fprintf(p.err, "There is more: --after %s\n", more)
	}
	return nil
}

// plain keeps what people chose for themselves from steering the terminal.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s
}

// stamp is a time for reading, in UTC like every time of the API.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
