package door

import (
	"net/url"
	"strings"
	"testing"
)

var (
	home    = &url.URL{Scheme: "https", Host: "id.example.com"}
	friends = []string{"https://app.example.com", "http://127.0.0.1:3000"}
)

// hostileReturns are ways to leave our origin, or to look as if one did not,
// that have worked somewhere.
var hostileReturns = []string{
	"//evil.com", "///evil.com", "////evil.com", "//evil.com/", "//evil.com/%2f..", "//evil.com/../", "/\\evil.com", "\\\\evil.com", "\\/evil.com", "/\\/evil.com", "\\evil.com",
	"/\t/evil.com", "/\n/evil.com", "/\r/evil.com", "\t//evil.com", " //evil.com", "//evil.com ", "\x00//evil.com", "/\x00/evil.com", "/ /evil.com", "/\x0b/evil.com", "/\x0c/evil.com", "\u00a0//evil.com", "\u2028//evil.com", "\ufeff//evil.com",
	"/%09/evil.com", "/%0a/evil.com", "/%0d/evil.com", "/%00/evil.com", "/%2f/evil.com", "/%2fevil.com", "/%2Fevil.com", "/%5cevil.com", "/%5Cevil.com", "/%255cevil.com", "/%252fevil.com", "/%25252fevil.com", "%2f%2fevil.com", "%5c%5cevil.com", "/%2e%2e//evil.com", "/..//evil.com", "/.//evil.com", "/./evil.com/../..//x", "/a/../../evil.com", "/%2e/x", "/a/%2e%2e/b", "/a/.%2e/b",
	"http://evil.com", "https://evil.com", "HTTPS://evil.com", "hTTps://evil.com", "https:evil.com", "https:/evil.com", "https:///evil.com", "https:////evil.com", "https:\\\\evil.com", "https:/\\evil.com", "http:evil.com", "http:/evil.com", "https:", "https://", "https:///", "https://:443", "https://?x", "https://#x",
	"https://id.example.com@evil.com", "https://id.example.com:443@evil.com", "https://evil.com@id.example.com", "https://user:pass@id.example.com/", "https://@id.example.com", "https://:@id.example.com", "https://id.example.com%40evil.com", "https://id.example.com%2f@evil.com", "https://evil.com\\@id.example.com", "https://evil.com#@id.example.com", "https://evil.com?@id.example.com", "https://evil.com/id.example.com", "https://evil.com?https://id.example.com",
	"https://id.example.com.evil.com", "https://id.example.comevil.com", "https://id.example.com-evil.com", "https://evilid.example.com", "https://evil.com.id.example.com", "https://id.example.com.", "https://ID.EXAMPLE.COM/", "https://id.example.com:8443", "https://id.example.com:443", "https://id.example.com:", "https://id.example.com:80:evil.com", "https://id%2eexample.com", "https://id。example.com", "https://id.example。com", "https://id．example.com", "https://ıd.example.com", "https://іd.example.com", "https://id.example.com\u3002evil.com", "https://id.example.com\uff0fevil.com", "http://id.example.com/", "https://app.example.com.evil.com", "https://app.example.com:444/", "https://app.example.com@evil.com/", "https://app.example.com\\@evil.com", "http://app.example.com/", "https://xapp.example.com", "https://app.example.com%00.evil.com", "https://app.example.comx", "http://127.0.0.1:3000@evil.com", "http://127.0.0.1:30000/", "http://127.0.0.1/", "http://2130706433:3000/", "http://127.1:3000",
	"javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)", "javascript://id.example.com/%0aalert(1)", "javascript:/*https://id.example.com*/alert(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=", "vbscript:x", "file:///etc/passwd", "ftp://evil.com", "blob:https://id.example.com/x", "filesystem:https://id.example.com/x", "view-source:https://id.example.com", "about:blank", "mailto:x@evil.com", "ws://evil.com", "intent://evil.com", "myapp://cb", "urn:x", "x:", ":", "://evil.com", "::", "a:b",
	"evil.com", "evil", ".", "..", "./evil", "../evil", "?//evil.com", "#//evil.com", "?x", "#x", "@evil.com", ";//evil.com", "", " ", "\x00", "%", "/%", "/%zz", "/a%0d%0aLocation:%20https://evil.com", "/a\r\nLocation: https://evil.com", "/a\r\n\r\n<script>", "/?x=%0d%0aSet-Cookie:a=b", "/?x=%00", "/a b", "/a?b\\c", "/a#b\\c", "/a\"b", "/a<b>", "/a`b", "/a{b}", "/a|b", "/a^b", "/é", "/\xff", "/%ff\xff", "/a?b=\xe2\x80\xa8", "/" + strings.Repeat("a", 2048), "https://id.example.com/" + strings.Repeat("a", 2048), "https://id.example.com//evil.com", "https://id.example.com/\\evil.com", "https://id.example.com/..//evil.com", "https://id.example.com/%2f%2fevil.com",
}

func TestNoReturnLeavesOurOrigin(t *testing.T) {
	if len(hostileReturns) < 100 {
		t.Fatalf("only %d spellings", len(hostileReturns))
	}
	for _, raw := range hostileReturns {
		if to, ok := SafeReturn(raw, friends, home); ok || to != "" {
			t.Errorf("allowed %q", raw)
		}
	}
	t.Logf("%d spellings", len(hostileReturns))
}

func TestReturnsToOursAndToFriendsAreAllowed(t *testing.T) {
	for _, raw := range []string{"/", "/account", "/account/emails?x=1&y=%20#top", "/a/b.c/..d", "/.well-known/x", "/a?next=/b//c", "/a?u=https://evil.com", "/a#//evil.com", "/a:b", "/a@b", "/a;b=c", "/%C3%A9", "/a%20b",
		"https://id.example.com", "https://id.example.com/", "https://id.example.com/account?x#y", "https://app.example.com", "https://app.example.com/cb?code=1", "https://app.example.com?x=1", "https://app.example.com#x", "http://127.0.0.1:3000/cb"} {
		if to, ok := SafeReturn(raw, friends, home); !ok || to != raw {
			t.Errorf("refused %q", raw)
		}
	}
}

func TestWithoutAnOriginOfOursOnlyPathsAreSafe(t *testing.T) {
	for _, self := range []*url.URL{nil, {}} {
		if _, ok := SafeReturn("https:///x", []string{""}, self); ok {
			t.Error("an empty origin matched")
		}
		if _, ok := SafeReturn("javascript:alert(1)", []string{"javascript:", "*", "https://"}, self); ok {
			t.Error("a scheme that is not http matched")
		}
		if _, ok := SafeReturn("/x", nil, self); !ok {
			t.Error("a path was refused")
		}
	}
}

// FuzzSafeReturn asks a browser's reading (WHATWG URL, as far as it can leave
// an origin) where an allowed return leads: ours or a friend's, never elsewhere.
func FuzzSafeReturn(f *testing.F) {
	for _, raw := range hostileReturns {
		f.Add(raw)
	}
	f.Add("/account?x=1#y")
	f.Add("https://app.example.com/cb")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, ok := SafeReturn(raw, friends, home); !ok {
			return
		}
		got := browserOrigin(raw, "https://id.example.com")
		if got != "https://id.example.com" && got != friends[0] && got != friends[1] {
			t.Fatalf("%q leads to %q", raw, got)
		}
	})
}

// browserOrigin is the origin that a browser at base would go to. It is written
// from the URL standard's states and shares nothing with SafeReturn.
func browserOrigin(raw, base string) string {
	in := strings.TrimFunc(raw, func(r rune) bool { return r <= 0x20 })
	in = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(in)
	baseScheme, _, _ := strings.Cut(base, ":")
	scheme, rest := "", in
	if i := strings.IndexByte(in, ':'); i > 0 && schemeLike(in[:i]) {
		scheme, rest = strings.ToLower(in[:i]), in[i+1:]
	}
	special := scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss" || scheme == "ftp" || scheme == "file"
	slash := func(i int) bool { return i < len(rest) && (rest[i] == '/' || rest[i] == '\\') }
	switch {
	case scheme != "" && !special || scheme == "file":
		return "opaque " + scheme
	case scheme == "" && (!slash(0) || !slash(1)):
		return base // a path, a query, a fragment
	case scheme == baseScheme && (!slash(0) || !slash(1)):
		return base // "https:path" is relative at an https base
	case scheme == "":
		scheme = baseScheme
	}
	for len(rest) > 0 && (rest[0] == '/' || rest[0] == '\\') {
		rest = rest[1:]
	}
	if i := strings.IndexAny(rest, "/\\?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	host, err := url.PathUnescape(strings.ToLower(rest))
	if err != nil {
		return "invalid"
	}
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + strings.TrimSuffix(host, ":")
}

func schemeLike(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || s[i] != '+' && s[i] != '-' && s[i] != '.' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return s != ""
}
