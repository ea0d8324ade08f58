package table

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes the table for a terminal, with the notes below it.
func (t Table) Text(w io.Writer) error {
	rows := [][]string{titles}
	for _, r := range t.Rows {
		rows = append(rows, r.cells())
	}
	width := make([]int, len(titles))
	for _, cells := range rows {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var out strings.Builder
	for _, cells := range rows {
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				out.WriteString(c + pad)
			} else {
				out.WriteString("  " + pad + c)
			}
		}
		out.WriteByte('\n')
	}
	t.notes(&out, "  ")
	fmt.Fprintf(&out, "  %s, %s, commit %s, load average %.1f before.\n", t.Machine, t.Go, t.Commit, t.Load)
	_, err := io.WriteString(w, out.String())
	return err
}

// Markdown writes the table for the documentation, with the machine, the date and the commit.
func (t Table) Markdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Measured %s at commit `%s` on %s, %s, load average %.1f before.\n\n",
		t.Date.UTC().Format("2006-01-02"), t.Commit, t.Machine, t.Go, t.Load)
	out.WriteString("| " + strings.Join(titles, " | ") + " |\n|---|" + strings.Repeat("---:|", len(titles)-1) + "\n")
	for _, r := range t.Rows {
		cells := r.cells()
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		out.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	t.notes(&out, "- ")
	_, err := io.WriteString(w, out.String())
	return err
}

func (t Table) notes(out *strings.Builder, bullet string) {
	out.WriteByte('\n')
	for _, r := range t.Rows {
		var said []string
		if r.Against != "" {
			said = append(said, "limit: "+r.Against)
		}
		if r.Note != "" {
			said = append(said, r.Note)
		}
		if len(said) > 0 {
			fmt.Fprintf(out, "%s%s: %s.\n", bullet, r.What, strings.Join(said, "; "))
		}
	}
}

// JSON writes everything, for programs and for comparing two runs.
func (t Table) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(t)
}
