package door

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// deviceLife is how long a device is remembered, longer than any session.
const deviceLife = 180 * 24 * time.Hour

// longestCookie bounds a cookie's value, in bytes; ours are under 150.
const longestCookie = 512

// name returns a cookie's name: with the __Host- prefix a browser keeps a
// sibling domain from planting it (RFC 6265bis section 4.1.3.2). On plain http,
// which is loopback only, browsers refuse the prefix.
func (d *Door) name(kind string) string {
	if d.https() {
		return "__Host-countersign" + kind
	}
	return "countersign" + kind
}

// CookieName returns the name of the session cookie.
func (d *Door) CookieName() string { return d.name("") }

// SetSession hands the browser a session token until it expires.
func (d *Door) SetSession(w http.ResponseWriter, token string, expires time.Time) {
	d.set(w, "", token, expires.Sub(d.now()))
}

// ClearSession makes the browser forget its session.
func (d *Door) ClearSession(w http.ResponseWriter) { d.set(w, "", "", -1) }

// SetAttempt makes the browser remember the attempt it is working on.
func (d *Door) SetAttempt(w http.ResponseWriter, id countersign.AttemptID, expires time.Time) {
	d.set(w, "-attempt", string(id), expires.Sub(d.now()))
}

// ClearAttempt makes the browser forget its attempt.
func (d *Door) ClearAttempt(w http.ResponseWriter) { d.set(w, "-attempt", "", -1) }

// Attempt returns the attempt the browser is working on, or "" for none, for
// two, or for something that is no attempt's id.
func (d *Door) Attempt(r *http.Request) countersign.AttemptID {
	value, n := cookieValue(r.Header["Cookie"], d.name("-attempt"))
	if n != 1 || !ids.Is("att", value) {
		return ""
	}
	return countersign.AttemptID(value)
}

// SetDevice makes the browser remember whom it has proved. It grants nothing
// but a guess budget of its own for that identity, so that strangers who guess
// cannot lock the owner out.
func (d *Door) SetDevice(w http.ResponseWriter, id countersign.IdentityID) {
	if len(d.Key) < 32 || !ids.Is("idn", string(id)) {
		return
	}
	payload := string(id) + "." + strconv.FormatInt(d.now().Add(deviceLife).Unix(), 10)
	d.set(w, "-device", payload+"."+d.sign(payload), deviceLife)
}

// device returns whom this browser has proved before, or "".
func (d *Door) device(r *http.Request) countersign.IdentityID {
	value, n := cookieValue(r.Header["Cookie"], d.name("-device"))
	i := strings.LastIndexByte(value, '.')
	if n != 1 || i < 0 || len(d.Key) < 32 || !hmac.Equal([]byte(d.sign(value[:i])), []byte(value[i+1:])) {
		return ""
	}
	id, until, _ := strings.Cut(value[:i], ".")
	if end, err := strconv.ParseInt(until, 10, 64); err != nil || d.now().Unix() >= end {
		return ""
	}
	return countersign.IdentityID(id)
}

// SetRemembered gives the browser the token by which it is asked for no second
// proof, for as long as that works. What it opens is the process's to say.
func (d *Door) SetRemembered(w http.ResponseWriter, token string, life time.Duration) {
	d.set(w, "-remembered", token, life)
}

// ClearRemembered makes the browser forget that token.
func (d *Door) ClearRemembered(w http.ResponseWriter) { d.set(w, "-remembered", "", -1) }

// Remembered returns the browser's token, or "" for none or for two.
func (d *Door) Remembered(r *http.Request) string {
	value, n := cookieValue(r.Header["Cookie"], d.name("-remembered"))
	if n != 1 {
		return ""
	}
	return value
}

// sign is bound to this one use of the key: no other signed value of the
// server passes for a device.
func (d *Door) sign(payload string) string {
	mac := hmac.New(sha256.New, d.Key)
	mac.Write([]byte("countersign device cookie 1\x00" + payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (d *Door) set(w http.ResponseWriter, kind, value string, life time.Duration) {
	c := &http.Cookie{Name: d.name(kind), Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: d.https(), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.MaxAge <= 0 {
		c.Value, c.MaxAge = "", -1 // 0 would mean: until the browser closes
	}
	http.SetCookie(w, c)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// cookieValue finds a cookie by its exact name, how often it is there, and the
// first value. It is stricter than net/http's parser, which takes quotes and
// odd bytes away: what is not to the letter what we set is not ours.
func cookieValue(headers []string, name string) (value string, n int) {
	for _, line := range headers {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = strings.Trim(pair, " \t")
			if len(pair) <= len(name) || pair[len(name)] != '=' || pair[:len(name)] != name {
				continue
			}
			if n++; n == 1 {
				value = pair[len(name)+1:]
			}
		}
	}
	if len(value) > longestCookie {
		value = ""
	}
	return value, n
}
