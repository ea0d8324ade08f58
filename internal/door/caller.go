package door

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/device"
)

// longestToken bounds a bearer token, in bytes.
const longestToken = 4096

// Caller names who stands behind a request: the owner of its session, or a
// stranger. A cookie that opens nothing makes a stranger, because a browser
// sends it without being asked; a bearer token that opens nothing is refused
// with unauthenticated, because a program meant it. Credentials that are there
// twice, or disagree, are invalid_request.
func (d *Door) Caller(r *http.Request) (countersign.Caller, error) {
	known, err := d.Known(r)
	if err != nil && !errors.Is(err, errNobody) {
		return countersign.Caller{}, err
	}
	from := Address(r)
	by := countersign.Caller{From: from, Request: RequestID(r.Context()), Known: d.device(r), Remembered: d.Remembered(r),
		Device: countersign.Device{Name: device.Name(r.Header.Get("User-Agent"))}}
	if err == nil {
		by.Identity, by.Session = *known.Identity, *known.Session
	}
	if from.IsValid() {
		by.Device.Network = from.String()
	}
	if d.Locale != nil {
		by.Locale = d.Locale(r.Header.Get("Accept-Language"))
	}
	return by, nil
}

// errNobody is the unauthenticated of a request that shows nothing, or a cookie
// that opens nothing.
var errNobody = fmt.Errorf("door: nobody: %w", countersign.ErrUnauthenticated)

// Known returns the live session behind a request, or unauthenticated. It is
// the hot path: beyond the look-up it costs next to nothing.
func (d *Door) Known(r *http.Request) (Known, error) {
	token, bearer, err := d.credential(r)
	if err != nil {
		return Known{}, err
	}
	if token == "" || d.Check == nil {
		return Known{}, errNobody
	}
	known, err := d.Check(r.Context(), token)
	switch {
	case err == nil && known.live():
		return known, nil
	case err != nil && !opensNothing(err):
		return Known{}, err
	case bearer:
		return Known{}, countersign.ErrUnauthenticated
	}
	return Known{}, errNobody
}

// live refuses the zero Known: a check that found nothing and forgot to say so.
func (k Known) live() bool {
	return k.Session != nil && k.Identity != nil && k.Session.ID != "" && k.Identity.ID != ""
}

// opensNothing tells a token that is not good from a look-up that went wrong.
func opensNothing(err error) bool {
	return errors.Is(err, countersign.ErrUnauthenticated) || errors.Is(err, countersign.ErrNoMatch) || errors.Is(err, countersign.ErrNotFound)
}

// credential returns the one token that a request shows, "" for none, and
// whether it came as a bearer token.
func (d *Door) credential(r *http.Request) (token string, bearer bool, err error) {
	cookie, n := cookieValue(r.Header["Cookie"], d.name(""))
	if n > 1 {
		return "", false, countersign.Invalid("cookie", "duplicate", "The session cookie was sent twice.")
	}
	auth := r.Header["Authorization"]
	if len(auth) == 0 {
		return cookie, false, nil
	}
	if len(auth) > 1 {
		return "", false, countersign.Invalid("authorization", "duplicate", "The Authorization header was sent twice.")
	}
	token, ok := bearerToken(auth[0])
	if !ok {
		return "", true, countersign.ErrUnauthenticated
	}
	if cookie != "" && cookie != token {
		return "", true, countersign.Invalid("authorization", "conflict", "The session cookie and the bearer token are not the same.")
	}
	return token, true, nil
}

// bearerToken reads "Bearer" SP token (RFC 6750 section 2.1): one space, one
// token of that grammar, nothing around it. The scheme's case does not matter.
func bearerToken(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > longestToken {
		return "", false
	}
	for i := range len(token) {
		c := token[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._~+/=", rune(c)) {
			return "", false
		}
	}
	return token, true
}
