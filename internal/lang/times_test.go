package lang_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/internal/lang"
)

func TestTimesReadAsPeopleSayThem(t *testing.T) {
	c := load(t)
	now := time.Date(2026, 11, 22, 2, 26, 0, 0, time.UTC)
	for _, one := range []struct {
		before time.Duration
		en, de string
	}{
		{0, "just now", "gerade eben"},
		{44 * time.Second, "just now", "gerade eben"},
		{-44 * time.Second, "just now", "gerade eben"},
		{50 * time.Second, "1 minute ago", "vor 1 Minute"},
		{3 * time.Minute, "3 minutes ago", "vor 3 Minuten"},
		{59*time.Minute + 45*time.Second, "1 hour ago", "vor 1 Stunde"},
		{5 * time.Hour, "5 hours ago", "vor 5 Stunden"},
		{23*time.Hour + 40*time.Minute, "1 day ago", "vor 1 Tag"},
		{6 * 24 * time.Hour, "6 days ago", "vor 6 Tagen"},
		{300 * 24 * time.Hour, "26 January 2026", "26. Januar 2026"},
		{-10 * time.Minute, "in 10 minutes", "in 10 Minuten"},
		{-90 * time.Minute, "in 2 hours", "in 2 Stunden"},
		{-72 * time.Hour, "in 3 days", "in 3 Tagen"},
	} {
		at := now.Add(-one.before)
		if got := c.Printer("en").Time(at, now).Ago; got != one.en {
			t.Errorf("%v in English: %q, want %q", one.before, got, one.en)
		}
		if got := c.Printer("de").Time(at, now).Ago; got != one.de {
			t.Errorf("%v in German: %q, want %q", one.before, got, one.de)
		}
	}
	if n := c.Missed(); n != 0 {
		t.Errorf("%d strings missed", n)
	}
}

func TestExactTimesAreUTCAndSaySo(t *testing.T) {
	c := load(t)
	at := time.Date(2026, 3, 1, 1, 5, 0, 0, time.FixedZone("", 2*3600))
	want := lang.When{Ago: "gerade eben", Exact: "28. Februar 2026, 23:05 Uhr UTC", Machine: "2026-02-28T23:05:00Z"}
	if diff := cmp.Diff(want, c.Printer("de").Time(at, at)); diff != "" {
		t.Error(diff)
	}
	if got := c.Printer("en").Time(at, at).Exact; got != "28 February 2026, 23:05 UTC" {
		t.Errorf("in English: %q", got)
	}
	if got := c.Printer("en").Time(time.Time{}, at); got != (lang.When{}) {
		t.Errorf("no time reads %+v", got)
	}
}

// BenchmarkLoad keeps the start cheap: 400 strings in two languages in under 5 ms.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "key%d = \"A sentence of usual length that names {thing} number %d\"\n", i, i)
	}
	source := files(map[string]string{"en.toml": text.String(), "de.toml": text.String()})
	for b.Loop() {
		if _, err := lang.Load([]string{"en", "de"}, source); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkT(b *testing.B) {
	p := load(b).Printer("de")
	for b.Loop() {
		p.T("time.ago.minutes", "n", 3)
	}
}

func BenchmarkPrinter(b *testing.B) {
	c := load(b)
	for b.Loop() {
		c.Printer("", "de-AT,de;q=0.9,en;q=0.1")
	}
}
