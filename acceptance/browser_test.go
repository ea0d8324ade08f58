package acceptance

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// browser holds cookies and follows nothing by itself, as someone who reads
// every answer.
type browser struct {
	n *node
	c *http.Client
}

func (n *node) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		n.t.Fatal(err)
	}
	c := client(16)
	c.Jar = jar
	return &browser{n, c}
}

func (b *browser) get(path string, head ...string) answer {
	r, err := http.NewRequest("GET", b.n.url+path, nil)
	if err != nil {
		return answer{err: err}
	}
	return b.send(r, head)
}

// post sends a form the way a page of our own does.
func (b *browser) post(path string, form url.Values, head ...string) answer {
	r, err := http.NewRequest("POST", b.n.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.n.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r, head)
}

func (b *browser) send(r *http.Request, head []string) answer {
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	return send(b.c, r)
}

// form makes the fields of a form from pairs.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// signIn fills the page, in one step as a password manager does.
func (b *browser) signIn(identifier, password string, more ...string) answer {
	return b.post("/sign-in", form(append([]string{"identifier", identifier, "password", password}, more...)...))
}

// cookie is the value of a cookie that the browser holds.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.n.url)
	if err != nil {
		return ""
	}
	for _, c := range b.c.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
