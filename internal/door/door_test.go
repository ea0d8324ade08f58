package door

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-id/countersign"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// knock sends a request to the door and returns its answer.
func knock(d *Door, next http.HandlerFunc, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/x", strings.NewReader("body"))
	r.Host = home.Host
	if d.Public != nil {
		r.Host = d.Public.Host
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.Handler(next).ServeHTTP(w, r)
	return w
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestADoorWithoutAPublicURLAdmitsNobody(t *testing.T) {
	for _, host := range []string{"", "localhost", "id.example.com"} {
		if w := knock(&Door{Log: silent()}, ok, func(r *http.Request) { r.Host = host }); w.Code != 421 {
			t.Errorf("host %q: %d", host, w.Code)
		}
	}
}

func TestOnLoopbackEveryNameOfThisMachineIsOurs(t *testing.T) {
	d := &Door{Public: &url.URL{Scheme: "http", Host: "localhost:8440"}, Log: silent()}
	for host, want := range map[string]int{"localhost:8440": 204, "127.0.0.1:8440": 204, "[::1]:8440": 204, "LOCALHOST:8440": 204, "localhost": 421, "localhost:8441": 421, "evil.com:8440": 421, "127.0.0.2:8440": 421, "localhost.evil.com:8440": 421} {
		if w := knock(d, ok, func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
	d.Public = &url.URL{Scheme: "https", Host: "id.example.com"}
	for host, want := range map[string]int{"id.example.com": 204, "id.example.com:443": 204, "ID.example.COM": 204, "id.example.com:80": 421, "localhost": 421} {
		if w := knock(d, ok, func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
}

func TestOurOwnPagesMayPost(t *testing.T) {
	d := &Door{Public: home, Log: silent()}
	for _, head := range [][2]string{{"Origin", "https://id.example.com"}, {"Origin", "HTTPS://ID.example.com"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}} {
		if w := knock(d, ok, func(r *http.Request) { r.Header.Set(head[0], head[1]) }); w.Code != 204 {
			t.Errorf("%v: %d", head, w.Code)
		}
	}
	both := func(r *http.Request) { r.Header.Set("Origin", "null"); r.Header.Set("Sec-Fetch-Site", "same-origin") }
	if w := knock(d, ok, both); w.Code != 204 {
		t.Errorf("a form on a page with no-referrer: %d", w.Code)
	}
	local := &Door{Public: &url.URL{Scheme: "http", Host: "localhost:8440"}, Log: silent()}
	if w := knock(local, ok, func(r *http.Request) {
		r.Host = "127.0.0.1:8440"
		r.Header.Set("Origin", "http://127.0.0.1:8440")
	}); w.Code != 204 {
		t.Errorf("another name of this machine: %d", w.Code)
	}
	if w := knock(local, ok, func(r *http.Request) { r.Header.Set("Origin", "http://localhost:9999") }); w.Code != 403 {
		t.Errorf("another port of this machine: %d", w.Code)
	}
}

func TestABodyIsCutAtTheLimit(t *testing.T) {
	d := &Door{Public: home, MaxBody: 8, Log: silent()}
	read := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			f := d.Explain(r, err)
			w.WriteHeader(f.Status)
		}
	}
	for body, want := range map[string]int{"12345678": 200, "123456789": 413} {
		for _, chunked := range []bool{false, true} {
			w := knock(d, read, func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
				if chunked {
					r.ContentLength = -1
				}
			})
			if w.Code != want {
				t.Errorf("%d bytes, chunked %v: %d", len(body), chunked, w.Code)
			}
		}
	}
}

func TestABodyThatSaysItIsTooLongIsNotEvenRead(t *testing.T) {
	d := &Door{Public: home, Log: silent()}
	w := knock(d, func(http.ResponseWriter, *http.Request) { t.Error("let in") }, func(r *http.Request) { r.ContentLength = 1<<20 + 1 })
	if w.Code != 413 {
		t.Errorf("%d", w.Code)
	}
}

func TestEveryAnswerIsDressed(t *testing.T) {
	d := &Door{Public: home, Programs: "/v1/", Log: silent()}
	page := knock(d, ok, nil).Header()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000"} {
		if page.Get(name) != want {
			t.Errorf("%s: %q", name, page.Get(name))
		}
	}
	if !strings.HasPrefix(page.Get("Content-Security-Policy"), "default-src 'none'") || page.Get("Permissions-Policy") == "" || len(page.Get("X-Request-Id")) < 18 {
		t.Errorf("%v", page)
	}
	d.Public = &url.URL{Scheme: "http", Host: "localhost:8440"}
	if h := knock(d, ok, nil).Header(); h.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS on plain http")
	}
	first := knock(d, func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Cache-Control", "x") }, nil)
	if again := knock(d, ok, nil).Header()["Cache-Control"]; len(again) != 1 || len(first.Header()["Cache-Control"]) != 2 {
		t.Errorf("one answer's header reached the next: %v", again)
	}
}

func TestARequestIDIsKeptOnlyFromATrustedProxyAndWhenSane(t *testing.T) {
	d := &Door{Public: home, Trusted: proxies, Log: silent()}
	for _, c := range []struct {
		peer, id string
		kept     bool
	}{
		{"10.0.0.1:1", "0af7651916cd43dd", true}, {"192.0.2.1:1", "0af7651916cd43dd", false}, {"10.0.0.1:1", "short", false}, {"10.0.0.1:1", "with space in it", false},
		{"10.0.0.1:1", "with\r\nSet-Cookie: a=b", false}, {"10.0.0.1:1", strings.Repeat("a", 129), false}, {"10.0.0.1:1", "<script>alert(1)", false}, {"10.0.0.1:1", "", false},
	} {
		var inside string
		w := knock(d, func(_ http.ResponseWriter, r *http.Request) { inside = RequestID(r.Context()) }, func(r *http.Request) {
			r.RemoteAddr = c.peer
			r.Header["X-Request-Id"] = []string{c.id}
		})
		got := w.Header().Get("X-Request-Id")
		if (got == c.id) != c.kept || got == "" || inside != got {
			t.Errorf("%q from %s: %q outside, %q inside", c.id, c.peer, got, inside)
		}
	}
	two := knock(d, ok, func(r *http.Request) {
		r.RemoteAddr, r.Header["X-Request-Id"] = "10.0.0.1:1", []string{"0af7651916cd43dd", "1af7651916cd43dd"}
	})
	if strings.Contains(two.Header().Get("X-Request-Id"), "af7651916cd43dd") {
		t.Error("one of two ids was kept")
	}
}

func TestAHandlerThatPanicsAfterItBeganIsCutOff(t *testing.T) {
	d := &Door{Public: home, Log: silent()}
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Error("half an answer was passed off as whole")
		}
	}()
	knock(d, func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("half")) //nolint:errcheck // to a recorder
		panic("then")
	}, nil)
}

func TestADoorThatRefusesInTextStillSaysWhy(t *testing.T) {
	d := &Door{Public: home, Log: silent()}
	w := knock(d, func(http.ResponseWriter, *http.Request) { panic("x") }, nil)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "Something went wrong") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyCodesOfTheTableReachCallers(t *testing.T) {
	d := &Door{Public: home, Log: silent()}
	r := httptest.NewRequest("GET", "/", nil)
	for _, err := range []error{errors.New("x"), &countersign.Error{}, &countersign.Error{Code: "made_up", Detail: "secret"}, countersign.ErrTaken} {
		if f := d.Explain(r, err); f.Status != 500 || f.Code != "internal_error" || f.Detail != "" {
			t.Errorf("%v became %+v", err, f)
		}
	}
	for _, err := range []*countersign.Error{countersign.ErrMalformed, countersign.ErrNoMatch, countersign.ErrUnauthenticated, countersign.ErrForbidden, countersign.ErrStepUp, countersign.ErrSlowDown,
		countersign.ErrExpired, countersign.ErrNotFound, countersign.ErrConflict, countersign.ErrOverloaded, ErrTooLarge, ErrMediaType, ErrMethod, ErrMisdirected, ErrCrossOrigin} {
		if f := d.Explain(r, err); f.Status == 500 || f.Code != err.Code {
			t.Errorf("%v has no status", err)
		}
	}
}
