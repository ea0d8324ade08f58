package lang_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/internal/lang"
)

// files makes a source of the given catalogues.
func files(named map[string]string) fstest.MapFS {
	source := fstest.MapFS{}
	for name, text := range named {
		source[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return source
}

func load(t testing.TB, sources ...map[string]string) *lang.Catalog {
	t.Helper()
	var list []fstest.MapFS
	for _, s := range sources {
		list = append(list, files(s))
	}
	var c *lang.Catalog
	var err error
	switch len(list) {
	case 0:
		c, err = lang.Load([]string{"en", "de"})
	case 1:
		c, err = lang.Load([]string{"en", "de"}, list[0])
	default:
		c, err = lang.Load([]string{"en", "de"}, list[0], list[1])
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheReaderGetsTheirLanguage(t *testing.T) {
	c := load(t)
	for _, one := range []struct {
		say         string
		preferences []string
		want        string
	}{
		{"nothing asked", nil, "en"},
		{"only empty preferences", []string{"", ""}, "en"},
		{"an explicit locale", []string{"de"}, "de"},
		{"a region of it", []string{"de-AT"}, "de"},
		{"the explicit one before the header", []string{"en", "de;q=0.9"}, "en"},
		{"an unknown explicit one gives way to the header", []string{"ja", "fr,de;q=0.9"}, "de"},
		{"a header by weight", []string{"", "en;q=0.3,de;q=0.8"}, "de"},
		{"only languages we lack", []string{"", "fr-CA,ja"}, "en"},
		{"nonsense", []string{"'; DROP", "\x00\xff"}, "en"},
		{"an underscore, as in POSIX", []string{"de_DE"}, "de"},
	} {
		if got := c.Printer(one.preferences...).Tag(); got != one.want {
			t.Errorf("%s: %q, want %q", one.say, got, one.want)
		}
	}
}

func TestALongHeaderCostsNothing(t *testing.T) {
	c := load(t)
	long := "de," + strings.Repeat("fr-CA;q=0.1,", 8192)
	if got := c.Printer(long).Tag(); got != "de" {
		t.Errorf("the start of a long header was not read: %q", got)
	}
	if got := c.Printer(strings.Repeat("d", 100_000)).Tag(); got != "en" {
		t.Errorf("a long word chose %q", got)
	}
	short := long[:256]
	cost := func(header string) float64 { return testing.AllocsPerRun(10, func() { c.Printer(header) }) }
	if got, most := cost(long), cost(short); got > most {
		t.Errorf("a header of %d bytes allocates %v times, one of %d bytes %v times", len(long), got, len(short), most)
	}
}

func TestStringsAreFilled(t *testing.T) {
	c := load(t, map[string]string{
		"en.toml": "hello = \"Hello {name}, hello {name}\"\nopen = \"a { b\"\ncount = \"{n} of them\"\n[things]\none = \"a thing\"\nother = \"{n} things\"\n",
		"de.toml": "hello = \"Hallo {name}, hallo {name}\"\nopen = \"a { b\"\ncount = \"{n} davon\"\n[things]\none = \"ein Ding\"\nother = \"{n} Dinge\"\n",
	})
	en, de := c.Printer("en"), c.Printer("de")
	for _, one := range []struct{ got, want string }{
		{en.T("hello", "name", "Ada"), "Hello Ada, hello Ada"},
		{de.T("hello", "name", "{n}"), "Hallo {n}, hallo {n}"},
		{en.T("open"), "a { b"},
		{en.T("things", "n", 1), "a thing"},
		{en.T("things", "n", 0), "0 things"},
		{de.T("things", "n", 1), "ein Ding"},
		{de.T("things", "n", 7), "7 Dinge"},
		{de.T("count", "n", 1), "1 davon"},
	} {
		if one.got != one.want {
			t.Errorf("got %q, want %q", one.got, one.want)
		}
	}
	if n := c.Missed(); n != 0 {
		t.Errorf("%d strings counted as missed, none was", n)
	}
}

func TestWhatIsMissingIsCountedAndDoesNotPanic(t *testing.T) {
	c := load(t, map[string]string{
		"en.toml": "only = \"English only\"\nhello = \"Hello {name}\"\n",
		"de.toml": "hello = \"Hallo {name}\"\n",
	})
	de := c.Printer("de")
	for _, one := range []struct{ got, want string }{
		{de.T("nowhere.at.all"), "nowhere.at.all"},
		{de.T("only"), "English only"},
		{de.T("hello"), "Hallo {name}"},
		{de.T("hello", "name"), "Hallo {name}"},
		{de.T("time.ago.days", "n", "many"), "time.ago.days"},
	} {
		if one.got != one.want {
			t.Errorf("got %q, want %q", one.got, one.want)
		}
	}
	if n := c.Missed(); n != 5 {
		t.Errorf("missed %d strings, want 5", n)
	}
}

func TestTheFirstLanguageStandsInWithItsOwnForms(t *testing.T) {
	c := load(t, map[string]string{
		"en.toml": "turned = \"a {n}\"\nbare = \"{}b{\"\nblank = \"something\"\n[only]\none = \"a thing\"\nother = \"{n} things\"\n[single]\none = \"just one\"\n",
		"de.toml": "blank = \"\"\n[turned]\none = \"ein\"\nother = \"{n} viele\"\n",
	}, map[string]string{"de.toml": "turned = \"nur {n}\"\n"})
	de := c.Printer("de")
	for i, one := range []struct{ got, want string }{
		{de.T("turned", "n", 1), "nur 1"}, // the later source has no forms
		{de.T("only", "n", 1), "a thing"},
		{de.T("only", "n", 2), "2 things"},
		{de.T("only"), "{n} things"},
		{de.T("blank"), "something"},
		{de.T("bare"), "b{"},
		{c.Printer("en").T("single", "n", 1), "just one"},
		{c.Printer("en").T("single"), "single"},
	} {
		if one.got != one.want {
			t.Errorf("%d: got %q, want %q", i, one.got, one.want)
		}
	}
	if n := c.Missed(); n != 6 {
		t.Errorf("missed %d strings, want 6", n)
	}
}

func TestALaterSourceReplacesSingleStrings(t *testing.T) {
	c := load(t,
		map[string]string{"en.toml": "a = \"ours\"\nb = \"ours\"\n"},
		map[string]string{"en.toml": "b = \"theirs\"\n"})
	p := c.Printer("en")
	if got := p.T("a") + " " + p.T("b"); got != "ours theirs" {
		t.Errorf("got %q", got)
	}
}

func TestMissingNamesEveryDifference(t *testing.T) {
	c := load(t,
		map[string]string{
			"en.toml": "same = \"x {a}\"\nonly = \"x\"\nnames = \"{a} {b}\"\nempty = \"x\"\n[forms]\none = \"x\"\nother = \"{n} x\"\n",
			"de.toml": "same = \"y {a}\"\nextra = \"y\"\nnames = \"{a} {c}\"\nempty = \"\"\nforms = \"{n} y\"\n",
		},
		map[string]string{"de.toml": "same = \"z {a}\"\n"})
	want := []string{
		"de: empty is empty",
		"de: forms has plural forms in one language only",
		"de: names has the placeholders {a, c}, wants {a, b}",
		"de: only is missing",
		"de: same is in two catalogues",
		"en: extra is missing",
	}
	if diff := cmp.Diff(want, c.Missing()); diff != "" {
		t.Error(diff)
	}
}

func TestOurOwnWordsAreComplete(t *testing.T) {
	if gaps := load(t).Missing(); len(gaps) > 0 {
		t.Error(strings.Join(gaps, "\n"))
	}
}

func TestLoadRefuses(t *testing.T) {
	broken := files(map[string]string{"en.toml": "a = "})
	for say, try := range map[string]func() (*lang.Catalog, error){
		"no locale":               func() (*lang.Catalog, error) { return lang.Load(nil) },
		"a locale that is none":   func() (*lang.Catalog, error) { return lang.Load([]string{"no such"}) },
		"a locale without words":  func() (*lang.Catalog, error) { return lang.Load([]string{"en", "fr"}) },
		"a file that is not TOML": func() (*lang.Catalog, error) { return lang.Load([]string{"en"}, broken) },
	} {
		if c, err := try(); err == nil {
			t.Errorf("%s: accepted as %v", say, c)
		} else if !strings.HasPrefix(err.Error(), "lang: ") {
			t.Errorf("%s: %q does not say where", say, err)
		}
	}
}

// FuzzPrinter feeds what strangers send: the header, and values with braces in them.
func FuzzPrinter(f *testing.F) {
	c := load(f)
	for _, seed := range []string{"de-AT,de;q=0.9,en;q=0.1", "*", ";q=", "de;q=1e999", "x-klingon", "{n}", "de-u-co-phonebk", ",,,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := c.Printer(s)
		if tag := p.Tag(); tag != "en" && tag != "de" {
			t.Errorf("%q chose %q", s, tag)
		}
		if got, want := p.T("time.date", "day", s, "month", "", "year", ""), s; !strings.HasPrefix(got, want) {
			t.Errorf("%q came out as %q", s, got)
		}
	})
}
