package door

import (
	"net/url"
	"strings"
)

// longestReturn bounds where a person is sent back to, in bytes.
const longestReturn = 2048

// SafeReturn says whether a person may be sent to raw after signing in: a path
// of our own, or a URL whose origin is ours or is in allow to the letter. It
// returns raw unchanged, or "" and false.
//
// Browsers (WHATWG URL) and Go (RFC 3986) read odd URLs differently, so only
// what both read the same passes: printable ASCII without backslashes, and
// paths without empty or dotted segments, written plainly or in percent.
func SafeReturn(raw string, allow []string, self *url.URL) (string, bool) {
	if raw == "" || len(raw) > longestReturn {
		return "", false
	}
	for i := range len(raw) {
		if c := raw[i]; c <= 0x20 || c >= 0x7f || strings.IndexByte("\\\"<>`{}|^", c) >= 0 {
			return "", false
		}
	}
	path := raw
	if raw[0] != '/' {
		rest, ok := afterOrigin(raw, allow, self)
		if !ok {
			return "", false
		}
		if path = rest; path == "" || path[0] != '/' {
			path = "/" + path
		}
	}
	if !plainPath(path) {
		return "", false
	}
	return raw, true
}

// afterOrigin cuts an allowed origin off. What follows must begin a path, a
// query or a fragment, so that no allowed origin is the beginning of another host.
func afterOrigin(raw string, allow []string, self *url.URL) (rest string, ok bool) {
	if self != nil && self.Host != "" {
		allow = append([]string{self.Scheme + "://" + self.Host}, allow...)
	}
	for _, origin := range allow {
		origin = strings.TrimSuffix(origin, "/")
		if !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://") {
			continue
		}
		if rest, ok = strings.CutPrefix(raw, origin); ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0) {
			return rest, true
		}
	}
	return "", false
}

// plainPath reports whether the path is a path to every reader: also one that
// undoes the percent-encoding first, as some proxies do, however often.
func plainPath(target string) bool {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	path, _, _ := strings.Cut(target, "#")
	path, query, _ := strings.Cut(path, "?")
	for coded := path; ; coded = path { // each round is shorter, so it ends
		if !plain(path) {
			return false
		}
		if path, err = url.PathUnescape(coded); err != nil {
			return false
		}
		if path == coded {
			break
		}
	}
	if query, err = url.QueryUnescape(query); err != nil {
		return false
	}
	for i := range len(query) {
		if c := query[i]; c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}
