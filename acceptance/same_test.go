package acceptance

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ids, times and masks of what was typed may differ between two answers; they are
// replaced before comparing, length and all, except that the length must be the same.
var varying = regexp.MustCompile(`(att|idn|ses|evt)_[0-9a-z]{32}|\d{4}-\d\d-\d\dT[0-9:.]+Z|\d{1,2}:\d\d|[A-Z2-7]{26}|[A-Z0-9]{16}-[0-9a-z]+`)

// looks is what an observer sees of an answer.
func looks(a answer) string {
	var names []string
	for name, values := range a.header {
		switch name {
		case "Date", "X-Request-Id", "Content-Length", "Retry-After": // the length differs with a time's fraction, the wait with a second
			names = append(names, name)
		case "Set-Cookie":
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				names = append(names, fmt.Sprintf("cookie %s %d %d", c.Name, len(c.Value), c.MaxAge))
			}
		default:
			names = append(names, name+": "+varying.ReplaceAllString(strings.Join(values, ","), "*"))
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("%d\n%s\n%s", a.status, strings.Join(names, "\n"), varying.ReplaceAllString(string(a.body), "*"))
}

// TestNoAnswerTellsWhoHasAnAccount walks every step twice, once with a name that
// somebody has and once with one that nobody has, of the same length and look.
func TestNoAnswerTellsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	n := serve(t)
	admin := n.administrator()
	n.signUp("anna@example.com")
	token := n.signUp("other@example.com") // its own, for one identity's names share a budget
	if a := n.call("PATCH", "/v1/account", token, object{"username": "anna"}); !a.ok() {
		t.Fatal(a)
	}
	off := n.signUp("anne@example.com")
	id := n.call("GET", "/v1/session", off, nil).get("identity.id")
	if a := n.call("PATCH", "/v1/admin/identities/"+id, admin, object{"state": "disabled"}); !a.ok() {
		t.Fatal(a)
	}
	if _, err := n.cli("identity", "add", "--email", "anni@example.com"); err != nil { // has no password yet
		t.Fatal(err)
	}
	known := map[string]string{"an address": "anna@example.com", "a username": "anna", "a disabled one": "anne@example.com", "one without a password": "anni@example.com"}
	i := 0
	for what, name := range known {
		i++
		stranger := strings.Replace(name, "ann", string([]byte{'a', 'a' + byte(i), 'k'}), 1)
		for step, walk := range steps(n) {
			if step == "sign-up" && !strings.Contains(name, "@") {
				continue
			}
			compare(t, what+", "+step, walk(name), walk(stranger), name, stranger)
		}
	}
}

// compare says where two walks differ.
func compare(t *testing.T, what string, one, other []answer, name, stranger string) {
	t.Helper()
	for k := range one {
		a, b := looks(one[k]), looks(other[k])
		b = strings.ReplaceAll(b, stranger, name)
		if k < len(other) && a != b {
			at := 0
			for at < min(len(a), len(b)) && a[at] == b[at] {
				at++
			}
			t.Errorf("%s, answer %d: known …%.120q, unknown …%.120q", what, k+1, a[max(0, at-30):], b[max(0, at-30):])
		}
	}
}

// steps are the walks in which a name is given, with all answers on the way.
func steps(n *node) map[string]func(name string) []answer {
	start := func(purpose, name string, e object) answer {
		return n.call("POST", "/v1/attempts", "", object{"purpose": purpose, "identifier": name, "evidence": e})
	}
	open := func(purpose, name string) answer {
		return n.call("POST", "/v1/attempts", "", object{"purpose": purpose, "identifier": name})
	}
	ask := func(a answer) answer {
		return n.call("POST", "/v1/attempts/"+a.get("id")+"/challenges", "", object{"method": "email_code"})
	}
	return map[string]func(name string) []answer{
		"sign-in": func(name string) []answer {
			a := open("sign_in", name)
			out := []answer{a, n.call("GET", "/v1/attempts/"+a.get("id"), "", nil)}
			for range budget + 2 { // into the lock
				out = append(out, n.evidence(a.get("id"), passwordOf("not the password at all")))
			}
			return append(out, start("sign_in", name, passwordOf("not the password at all")), ask(a))
		},
		"recovery": func(name string) []answer {
			a := open("recover", name)
			out := []answer{a, ask(a), ask(a), n.call("GET", "/v1/attempts/"+a.get("id"), "", nil), n.evidence(a.get("id"), passwordOf(goodPassword))}
			for range budget + 2 {
				out = append(out, n.evidence(a.get("id"), codeOf("00000000")))
			}
			return out
		},
		"sign-up": func(name string) []answer {
			a := start("sign_up", name, passwordOf(goodPassword))
			out := []answer{a, ask(a), ask(a), n.call("GET", "/v1/attempts/"+a.get("id"), "", nil),
				n.evidence(a.get("id"), passwordOf("seven herons by the mill")), n.evidence(a.get("id"), passwordOf(name+name)),
				start("sign_up", name, passwordOf(name+name)), open("sign_up", name)}
			for range budget + 2 {
				out = append(out, n.evidence(a.get("id"), codeOf("00000000")))
			}
			return out
		},
		"pages": func(name string) []answer {
			in, back := n.browser(), n.browser()
			return []answer{in.post("/sign-in", form("identifier", name)), in.get("/sign-in?method=password"), in.signIn(name, "not the password at all"),
				back.post("/recover", form("identifier", name)), back.get("/recover?method=email_code"),
				back.post("/recover", form("do", "answer", "method", "email_code", "code", "00000000"))}
		},
	}
}

func TestAnOwnAddressIsNoPasswordInAnyStep(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("quietlantern.harbour@example.com")
	// A password that is good in itself but made of the address, which only an
	// attempt that is about nobody would let pass.
	own := func(address string) answer {
		a := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": address, "evidence": passwordOf(goodPassword)})
		local, _, _ := strings.Cut(address, "@")
		return n.evidence(a.get("id"), passwordOf(local))
	}
	taken, free := own("quietlantern.harbour@example.com"), own("quietlantern.harvest@example.com")
	if taken.status != free.status || taken.get("errors.0.code") != free.get("errors.0.code") {
		t.Errorf("a password made of the address, in an open sign-up: taken %s, free %s", taken, free)
	}
}
