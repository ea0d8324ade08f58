package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

// lastUsed names the cookie of the methods that signed in here last time. It
// holds their names and nothing else: it grants nothing, so it is not signed.
const lastUsed = "countersign-used"

// used are the methods that signed in with this browser last time.
func (v *visit) used() []string {
	c, err := v.r.Cookie(v.ours(lastUsed))
	if err != nil || len(c.Value) > 200 {
		return nil
	}
	return slices.DeleteFunc(strings.Split(c.Value, "."), func(m string) bool { return v.site.fragments[m] == nil })
}

// usedNow are those of them that were used at this step: the first one began the
// sign-in, the others came after it.
func (v *visit) usedNow(r login.Result) []string {
	used := v.used()
	if r.Assurance.Reached == countersign.AAL0 && r.Purpose == countersign.SignIn {
		return used[:min(1, len(used))]
	}
	return used
}

// use remembers them for the next time.
func (v *visit) use(methods []string) {
	mine := slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return !v.site.brings(m, "form") })
	if len(mine) > 0 {
		v.recall(lastUsed, strings.Join(mine, "."), viewLife)
	}
}

// recall sets a cookie that only these pages read. An empty value takes it away.
func (v *visit) recall(name, value string, life time.Duration) {
	c := &http.Cookie{Name: v.ours(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.secure()}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.w, c)
}

func (v *visit) secure() bool { return v.site.PublicURL != nil && v.site.PublicURL.Scheme == "https" }

// ours names a cookie so that no neighbour of our host can set it (RFC 6265bis section 4.1.3.2).
func (v *visit) ours(name string) string {
	if v.secure() {
		return "__Host-" + name
	}
	return name
}
