package argon

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// known is a hash of "password" made by the reference implementation.
const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestAHashMadeElsewhereMatches(t *testing.T) {
	e, err := Parse(known)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Match([]byte("password")) {
		t.Error("the right password does not match")
	}
	if e.String() != known {
		t.Errorf("written back as %s", e)
	}
}

func TestParseRefuses(t *testing.T) {
	salt, tag := "c29tZXNhbHRzb21lc2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	good := "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	costs := func(s string) string { return strings.Replace(good, "m=19456,t=2,p=1", s, 1) }
	for what, phc := range map[string]string{
		"nothing":                       "",
		"only separators":               "$$$$$",
		"argon2i":                       strings.Replace(good, "argon2id", "argon2i", 1),
		"argon2d":                       strings.Replace(good, "argon2id", "argon2d", 1),
		"capitals":                      strings.ToUpper(good),
		"another version":               strings.Replace(good, "v=19", "v=16", 1),
		"no version":                    strings.Replace(good, "$v=19", "", 1),
		"text before":                   " " + good,
		"a line break after":            good + "\n",
		"a part after":                  good + "$",
		"another order of parameters":   costs("t=2,m=19456,p=1"),
		"a parameter missing":           costs("m=19456,t=2"),
		"a parameter too many":          costs("m=19456,t=2,p=1,keyid=AA"),
		"a parameter twice":             costs("m=19456,m=19456,p=1"),
		"a leading zero":                costs("m=019456,t=2,p=1"),
		"a plus":                        costs("m=+19456,t=2,p=1"),
		"a minus":                       costs("m=-1,t=2,p=1"),
		"a hexadecimal number":          costs("m=0x4c00,t=2,p=1"),
		"a space":                       costs("m=19456, t=2,p=1"),
		"digits of another script":      costs("m=19456,t=٢,p=1"),
		"a terabyte":                    costs("m=999999999,t=2,p=1"),
		"one KiB more than a GiB":       costs("m=1048577,t=2,p=1"),
		"more than 32 bits":             costs("m=4294986752,t=2,p=1"),
		"no memory":                     costs("m=0,t=2,p=1"),
		"less memory than 8 KiB a lane": costs("m=15,t=2,p=2"),
		"no pass":                       costs("m=19456,t=0,p=1"),
		"65 passes":                     costs("m=19456,t=65,p=1"),
		"no lane":                       costs("m=19456,t=2,p=0"),
		"17 lanes":                      costs("m=19456,t=2,p=17"),
		"257 lanes":                     costs("m=19456,t=2,p=257"),
		"no salt":                       strings.Replace(good, salt, "", 1),
		"a salt of 7 bytes":             strings.Replace(good, salt, "AAAAAAAAAA", 1),
		"a salt of 65 bytes":            strings.Replace(good, salt, strings.Repeat("AAAA", 21)+"AAA", 1),
		"no tag":                        strings.TrimSuffix(good, tag),
		"a tag of 15 bytes":             strings.Replace(good, tag, strings.Repeat("A", 20), 1),
		"a tag of 65 bytes":             strings.Replace(good, tag, strings.Repeat("AAAA", 21)+"AAA", 1),
		"padding":                       good + "=",
		"loose bits at the end":         good[:len(good)-1] + "B",
		"the alphabet of URLs":          strings.Replace(good, tag, "_"+tag[1:], 1),
		"a line break inside":           strings.Replace(good, tag, tag[:8]+"\n"+tag[8:], 1),
		"a NUL inside":                  strings.Replace(good, tag, tag[:8]+"\x00"+tag[9:], 1),
		"a megabyte":                    good + strings.Repeat("A", 1<<20),
	} {
		e, err := Parse(phc)
		if !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: error %v", what, err)
		}
		if len(phc) > longest && !strings.HasSuffix(err.Error(), "too long") {
			t.Errorf("%s: looked at: %v", what, err)
		}
		if e.tag != nil || e.Match([]byte("password")) {
			t.Errorf("%s: something came of it", what)
		}
	}
}

func TestErrorsQuoteNothingOfTheHash(t *testing.T) {
	_, err := Parse(strings.Replace(known, "CTFh", "C!Fh", 1))
	if err == nil || strings.Contains(err.Error(), "dXPJO1") || strings.Contains(err.Error(), "c29t") {
		t.Errorf("got %v", err)
	}
}

func TestTheWidestEncodingPasses(t *testing.T) {
	e := Encoded{Params{MaxMemoryKiB, MaxTime, MaxThreads}, slices.Repeat([]byte{255}, maxSalt), slices.Repeat([]byte{255}, maxTag)}
	if _, err := Parse(e.String()); err != nil {
		t.Error(err)
	}
}

func TestWeaker(t *testing.T) {
	e := Encoded{Params{19456, 2, 1}, make([]byte, saltBytes), make([]byte, tagBytes)}
	short := e
	short.tag = make([]byte, 16)
	for what, c := range map[string]struct {
		e    Encoded
		than Params
		want bool
	}{
		"the same cost":             {e, Params{19456, 2, 1}, false},
		"the default":               {e, Params{}, false},
		"more memory wanted":        {e, Params{19457, 2, 1}, true},
		"more passes wanted":        {e, Params{19456, 3, 1}, true},
		"less wanted":               {e, Params{9216, 1, 1}, false},
		"more lanes wanted":         {e, Params{19456, 2, 4}, false},
		"a shorter tag than ours":   {short, Params{19456, 2, 1}, true},
		"nothing, the zero Encoded": {Encoded{}, Params{}, true},
	} {
		if got := c.e.Weaker(c.than); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(known)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=999999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA\nAAAAAAA$AAAAAAAAAAAAAAAAAAAAAB")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		if e.String() != s {
			t.Errorf("two spellings of one hash: %q and %q", s, e)
		}
		if err := e.Params.check(); err != nil || len(e.salt) < minSalt || len(e.tag) < minTag {
			t.Errorf("%q passed: %v", s, err)
		}
	})
}
