package load

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// piece is a stretch of prepared bytes, followed by the column of the row that fills the slot after it.
type piece struct {
	text string
	slot int // -1: none
}

// request is an Ask made ready: writing one copies its pieces and nothing else.
type request struct {
	ask    Ask
	head   []piece // up to "Content-Length: "
	body   []piece
	rows   []string
	next   *atomic.Int64 // the next row, shared by all workers
	number int           // its place among the plan's requests
}

func prepare(a Ask, host string, number int) (*request, error) {
	var h strings.Builder
	fmt.Fprintf(&h, "%s %s HTTP/1.1\r\nHost: %s\r\n", a.Method, a.Path, host)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		fmt.Fprintf(&h, "%s: %s\r\n", name, a.Header[name])
	}
	if strings.Count(h.String(), "\n") != 2+len(a.Header) || strings.Count(h.String(), "\r") != 2+len(a.Header) {
		return nil, fmt.Errorf("load: request %s has a line break in its head", a.Name)
	}
	rows, err := a.Values.read()
	if err != nil {
		return nil, fmt.Errorf("load: values of %s: %w", a.Name, err)
	}
	r := &request{ask: a, head: cut(h.String()), body: cut(a.Body), rows: rows, next: new(atomic.Int64), number: number}
	columns := 0
	if len(rows) > 0 {
		columns = 1 + strings.Count(rows[0], "\t")
	}
	for _, p := range slices.Concat(r.head, r.body) {
		if p.slot >= columns {
			return nil, fmt.Errorf("load: request %s has slot {%d} and %d columns", a.Name, p.slot, columns)
		}
	}
	return r, nil
}

// cut parts a text at its slots.
func cut(text string) []piece {
	var out []piece
	start := 0
	for i := 0; i+2 < len(text); i++ {
		if text[i] == '{' && text[i+1] >= '0' && text[i+1] <= '9' && text[i+2] == '}' {
			out = append(out, piece{text[start:i], int(text[i+1] - '0')})
			start = i + 3
			i += 2
		}
	}
	return append(out, piece{text[start:], -1})
}

// take returns the number of the next row; false when rows are used once and used up.
func (r *request) take() (int, bool) {
	if len(r.rows) == 0 {
		return 0, true
	}
	i := int(r.next.Add(1) - 1)
	if i < len(r.rows) {
		return i, true
	}
	return i % len(r.rows), !r.ask.Values.Once
}

// used is how many rows were taken so far; more than there are when they start over.
func (r *request) used() int {
	n := int(r.next.Load())
	if r.ask.Values.Once {
		n = min(n, len(r.rows))
	}
	return n
}

// write appends the whole request, filled from row, to out.
func (r *request) write(out []byte, row int) []byte {
	var columns [10]string
	if len(r.rows) > 0 {
		split(r.rows[row], &columns)
	}
	out = fill(out, r.head, &columns)
	if r.ask.Body != "" {
		n := 0
		for _, p := range r.body {
			n += len(p.text)
			if p.slot >= 0 {
				n += len(columns[p.slot])
			}
		}
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(n), 10)
		out = append(out, "\r\n"...)
	}
	out = append(out, "\r\n"...)
	return fill(out, r.body, &columns)
}

func fill(out []byte, pieces []piece, columns *[10]string) []byte {
	for _, p := range pieces {
		out = append(out, p.text...)
		if p.slot >= 0 {
			out = append(out, columns[p.slot]...)
		}
	}
	return out
}

func split(row string, columns *[10]string) {
	for i := range columns {
		before, after, more := strings.Cut(row, "\t")
		columns[i], row = before, after
		if !more {
			return
		}
	}
}

func (v Values) read() ([]string, error) {
	if v.File == "" {
		return v.window(v.Rows), nil
	}
	f, err := os.Open(v.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []string
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan(); n++ {
		if v.Take > 0 && n >= v.Skip+v.Take {
			break
		}
		if n >= v.Skip {
			rows = append(rows, lines.Text())
		}
	}
	if len(rows) == 0 && lines.Err() == nil {
		return nil, fmt.Errorf("no rows after the first %d", v.Skip)
	}
	return rows, lines.Err()
}

func (v Values) window(rows []string) []string {
	rows = rows[min(v.Skip, len(rows)):]
	if v.Take > 0 {
		rows = rows[:min(v.Take, len(rows))]
	}
	return rows
}
