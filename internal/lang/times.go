package lang

import (
	"strconv"
	"time"
)

// When is a moment as people read it.
type When struct {
	Ago     string // "3 minutes ago", "in 2 hours"
	Exact   string // "22 November 2026, 02:26 UTC"
	Machine string // RFC 3339 in UTC, for the datetime attribute
}

// Time says when t is, seen from now. Beyond four weeks Ago is a date, because
// nobody counts weeks. All times are UTC and say so: the server does not know
// where its reader is. The zero time gives the zero When.
func (p *Printer) Time(t, now time.Time) When {
	if t.IsZero() {
		return When{}
	}
	t = t.UTC()
	return When{Ago: p.ago(t, now), Exact: p.exact(t), Machine: t.Format(time.RFC3339)}
}

func (p *Printer) ago(t, now time.Time) string {
	direction, distance := "time.ago.", now.Sub(t)
	if distance < 0 {
		direction, distance = "time.in.", -distance
	}
	const day = 24 * time.Hour
	switch {
	case distance < 45*time.Second:
		return p.T("time.now")
	case distance < 59*time.Minute+30*time.Second:
		return p.T(direction+"minutes", "n", nearest(distance, time.Minute))
	case distance < 23*time.Hour+30*time.Minute:
		return p.T(direction+"hours", "n", nearest(distance, time.Hour))
	case distance < 28*day:
		return p.T(direction+"days", "n", nearest(distance, day))
	}
	return p.T("time.date", "day", t.Day(), "month", p.month(t), "year", t.Year())
}

// nearest rounds to whole units, and to at least one.
func nearest(d, unit time.Duration) int {
	return max(1, int(d.Round(unit)/unit))
}

func (p *Printer) exact(t time.Time) string {
	return p.T("time.exact", "day", t.Day(), "month", p.month(t), "year", t.Year(), "clock", t.Format("15:04"))
}

func (p *Printer) month(t time.Time) string {
	return p.T("time.month." + strconv.Itoa(int(t.Month())))
}
