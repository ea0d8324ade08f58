package config

import (
	"regexp"
	"slices"
	"strings"
)

const envPrefix = "COUNTERSIGN_"

// kubernetes matches the variables a cluster gives every container beside a
// Service named countersign. They are not for us, and must not stop a start.
var kubernetes = regexp.MustCompile(`^COUNTERSIGN_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_[0-9]+_.*)$`)

// environment picks the settings out of "NAME=value" lines. A name with our
// prefix that cannot be a setting is a warning rather than an error, because
// others set variables too; one with the wrong number of underscores is an error.
func environment(env []string, known []setting) (entries []entry, problems, warnings Problems) {
	flat := make(map[string]string, len(known))
	for _, s := range known {
		flat[strings.ReplaceAll(s.env(), "__", "_")] = s.env()
	}
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		if strings.Contains(rest, "__") {
			path := strings.Split(strings.ToLower(rest), "__")
			entries = append(entries, entry{path: path, value: raw(value), from: origin{source: name}})
			continue
		}
		if right, slip := flat[strings.ToUpper(name)]; slip {
			problems = append(problems, Problem{Source: name, Wrong: "is no setting", Try: "sections are parted by two underscores: " + right})
			continue
		}
		if rest == "CONFIG" || rest == "DATA" || kubernetes.MatchString(name) {
			continue
		}
		warnings = append(warnings, Problem{Source: name, Wrong: "is no setting and was ignored", Try: "settings look like COUNTERSIGN_SERVER__LISTEN"})
	}
	return entries, problems, warnings
}

// arguments reads the values of --set, in order, so that the last one wins.
func arguments(set []string) (entries []entry, problems Problems) {
	for _, arg := range set {
		key, value, found := strings.Cut(arg, "=")
		path := strings.Split(key, ".")
		if !found || slices.ContainsFunc(path, func(p string) bool { return !bare(p) }) {
			// The argument is not repeated: it may hold a secret.
			problems = append(problems, Problem{Source: "--set", Wrong: "is not section.key=value", Try: "write --set server.listen=127.0.0.1:9000"})
			continue
		}
		entries = append(entries, entry{path: path, value: raw(value), from: origin{source: "--set"}})
	}
	return entries, problems
}
