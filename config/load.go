package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
)

// Source says where values come from. The zero value asks for defaults only.
type Source struct {
	File     string                            // path of the TOML file; empty for none
	Env      []string                          // "NAME=value" lines, as os.Environ gives; ours begin with COUNTERSIGN_
	Set      []string                          // "section.key=value" lines, as --set gives
	DataDir  string                            // folder for the database and keys; empty means countersign-data
	ReadFile func(name string) ([]byte, error) // reads File and what values name; nil means os.ReadFile
}

// Load reads the settings: defaults, then the file, then the environment, then
// --set, the later over the earlier. A value "file:/path" is replaced by what
// that file holds, without one newline at its end; a relative path starts at
// the working directory. The error is a Problems with every mistake at once;
// the Config then holds what could be read, for showing and not for serving.
func Load(src Source) (Config, error) {
	if src.DataDir == "" {
		src.DataDir = "countersign-data"
	}
	if src.ReadFile == nil {
		src.ReadFile = os.ReadFile
	}
	l := &loader{src: src, bad: map[string]bool{}, known: map[string]setting{}}
	l.c = &Config{DataDir: src.DataDir, origins: map[string]origin{}}
	l.all = settings(l.c)
	for _, s := range l.all {
		l.known[s.key] = s
		l.names = append(l.names, s.key)
		if text, ok := s.tag.Lookup("default"); ok {
			if err := s.assignText(text); err != nil {
				panic("config: default of " + s.key + ": " + err.Error())
			}
		}
	}
	l.read()
	l.derive()
	l.check()
	c := *l.c
	c.warnings = l.warnings
	if len(l.problems) > 0 {
		return c, l.problems
	}
	return c, nil
}

// Warnings lists what is allowed and probably not meant, such as a public
// server without a mail server.
func (c Config) Warnings() Problems { return c.warnings }

// loader is one run of Load.
type loader struct {
	src      Source
	c        *Config
	all      []setting
	known    map[string]setting
	names    []string
	bad      map[string]bool // keys whose value could not be read; rules skip them
	problems Problems
	warnings Problems
}

// read applies the three layers in the order of their precedence.
func (l *loader) read() {
	if l.src.File != "" {
		text, err := l.src.ReadFile(l.src.File)
		if err != nil {
			l.problems = append(l.problems, Problem{Source: l.src.File, Wrong: "cannot be read: " + reason(err), Try: "check the path given with --config"})
		}
		entries, problems := parse(l.src.File, text)
		l.apply(entries)
		l.problems = append(l.problems, problems...)
	}
	entries, problems, warnings := environment(l.src.Env, l.all)
	l.apply(entries)
	l.problems = append(l.problems, problems...)
	l.warnings = append(l.warnings, warnings...)
	entries, problems = arguments(l.src.Set)
	l.apply(entries)
	l.problems = append(l.problems, problems...)
}

// mostProblems keeps the wrong file, given by accident, from costing seconds and
// filling a screen.
const mostProblems = 100

func (l *loader) apply(entries []entry) {
	for i, e := range entries {
		if len(l.problems) >= mostProblems {
			l.complain(e.from, "", "has more mistakes than are listed", "mend these first")
			return
		}
		key := shown(e.path)
		s, known := l.known[key]
		switch {
		case e.table && known:
			l.complain(e.from, key, "is a setting, not a section", s.example())
		case e.table && l.section(key):
		case e.table:
			// Its keys, if any, are reported one by one and say more.
			if i+1 == len(entries) || !within(key, shown(entries[i+1].path)) {
				l.complain(e.from, key, "unknown section", "did you mean "+nearest(key, l.sections())+"?")
			}
		case l.section(key):
			l.complain(e.from, key, "is a section, not a setting", "write its keys, such as "+l.under(key)[0])
		case !known:
			l.complain(e.from, key, "unknown key", "did you mean "+spelled(e.from.source, l.known[nearest(key, l.names)])+"?")
		default:
			l.fill(s, e)
		}
	}
}

// fill stores one value and remembers where it came from. A bad value is not
// kept, so that Show cannot print what a secret file held.
func (l *loader) fill(s setting, e entry) {
	before := reflect.New(s.value.Type()).Elem()
	before.Set(s.value)
	if p := (Problem{}); errors.As(l.store(s, &e), &p) {
		s.value.Set(before)
		l.bad[s.key] = true
		l.complain(e.from, s.key, p.Wrong, p.Try)
		return
	}
	delete(l.bad, s.key)
	l.c.origins[s.key] = e.from
}

func (l *loader) store(s setting, e *entry) error {
	untyped, isRaw := e.value.(raw)
	text, isText := e.value.(string)
	if isRaw {
		text, isText = string(untyped), true
	}
	name, named := strings.CutPrefix(text, "file:")
	switch {
	case isText && named && s.tag.Get("path") != "":
		return Problem{Wrong: "names a path already", Try: "write it without file:"}
	case isText && named:
		e.from.file = name
		return l.fillFrom(s, name)
	case isRaw:
		return s.assignText(text)
	}
	return s.assign(e.value)
}

// fillFrom stores what a file holds. What is wrong with it is not repeated: the
// file was chosen because its content is secret.
func (l *loader) fillFrom(s setting, name string) error {
	text, err := l.src.ReadFile(name)
	if err != nil {
		return Problem{Wrong: "cannot read " + strconv.Quote(name) + ": " + reason(err), Try: "check the path and who may read it"}
	}
	content := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if content == "" {
		// An empty mount must not turn into an unset secret.
		return Problem{Wrong: "what " + strconv.Quote(name) + " holds is nothing", Try: "put the value there, or remove the setting"}
	}
	if p := (Problem{}); errors.As(s.assignText(content), &p) {
		return Problem{Wrong: "what " + strconv.Quote(name) + " holds is not " + s.kind(), Try: p.Try}
	}
	return nil
}

func (l *loader) complain(from origin, key, wrong, try string) {
	l.problems = append(l.problems, from.problem(key, wrong, try))
}

// section reports whether the key is the head of known ones.
func (l *loader) section(key string) bool { return len(l.under(key)) > 0 }

// under lists the keys of a section.
func (l *loader) under(section string) (keys []string) {
	for _, n := range l.names {
		if within(section, n) {
			keys = append(keys, n)
		}
	}
	return keys
}

// sections lists every section, "server.tls" too.
func (l *loader) sections() (list []string) {
	for _, n := range l.names {
		list = append(list, head(n))
	}
	return list
}

func within(section, key string) bool { return strings.HasPrefix(key, section+".") }

// spelled names a key in the way its source writes it.
func spelled(source string, s setting) string {
	if strings.HasPrefix(source, envPrefix) {
		return s.env()
	}
	return s.key
}

// reason is why a file could not be read, without its path, which the caller names.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
