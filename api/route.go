package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// refs is where the document keeps its schemas.
const refs = "#/components/schemas/"

// route is one line of the API: how it is reached, what it is called, what may
// go wrong. The handler and the document are both made from it.
type route struct {
	method, path string
	tag          string
	summary      string
	about        string   // more of it, in Markdown
	open         bool     // strangers may call it
	secret       bool     // its answer may hold a secret
	status       int      // of success; 0 for 200, or 204 when nothing comes back
	errors       []string // codes beyond those that follow from its form
	body, answer any      // examples

	handler http.Handler
	in      plan
	out     *huma.Schema // nil when nothing comes back
}

// book collects the routes while they are registered.
type book struct {
	api     *API
	routes  []*route
	schemas huma.Registry
	problem *huma.Schema
}

func newBook(a *API) *book {
	b := &book{api: a, schemas: huma.NewMapRegistry(refs, schemaName)}
	b.problem = b.schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	return b
}

// none is the input or output of a call that has none.
type none struct{}

// list is one page of a listing.
type list[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next" nullable:"true" doc:"Give this as after to get the next page; null on the last one."`
}

// listOf makes a page; an empty cursor means that there is no next one.
func listOf[T any](items []T, next string) list[T] {
	l := list[T]{Items: items}
	if next != "" {
		l.Next = &next
	}
	return l
}

// add registers one route. Functions that act never see HTTP.
func add[In, Out any](b *book, r route, act func(context.Context, countersign.Caller, In) (Out, error)) {
	r.in = planOf(b.schemas, reflect.TypeFor[In]())
	if out := reflect.TypeFor[Out](); out.Kind() != reflect.Struct || out.NumField() > 0 {
		r.out = b.schemas.Schema(out, true, out.Name())
	}
	if r.status == 0 {
		r.status = http.StatusOK
		if r.out == nil {
			r.status = http.StatusNoContent
		}
	}
	rt := &r
	rt.handler = b.api.call(rt, func(ctx context.Context, by countersign.Caller, read func(any) error) (any, error) {
		var in In
		if err := read(&in); err != nil {
			return nil, err
		}
		return act(ctx, by, in)
	})
	b.routes = append(b.routes, rt)
}

// finish settles the schemas: we always write lists, never null for one. huma has
// prepared what it validates with by now, and has no need to do so again.
func (b *book) finish() {
	for _, s := range b.schemas.Map() {
		for _, p := range s.Properties {
			if p.Type == huma.TypeArray {
				p.Nullable = false
			}
		}
	}
}

// refuseTheRest answers what no route does, in JSON: 405 with Allow on our
// paths, 404 elsewhere below /v1/.
func (b *book) refuseTheRest(mux *http.ServeMux) {
	methods := map[string][]string{}
	for _, r := range b.routes {
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		refuse := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			b.api.Explain(w, r, door.ErrMethod)
		}
		if !b.covered(path) {
			mux.HandleFunc(path, refuse)
			continue
		}
		// The mux takes no pattern for all methods below one that is wider, so each is named.
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if !slices.Contains(allowed, m) {
				mux.HandleFunc(m+" "+path, refuse)
			}
		}
	}
	for _, path := range []string{"/v1", "/v1/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			b.api.Explain(w, r, countersign.ErrNotFound)
		})
	}
}

// covered reports whether another route's path, with its parameters, takes this one in.
func (b *book) covered(path string) bool {
	here := strings.Split(path, "/")
	return slices.ContainsFunc(b.routes, func(r *route) bool {
		other := strings.Split(r.path, "/")
		return r.path != path && slices.EqualFunc(here, other, func(a, b string) bool { return a == b || strings.HasPrefix(b, "{") })
	})
}

// schemaName names a type in the document: the words by their name, what a
// process calls Patch or Export with its package before it.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if name == "" {
		return hint
	}
	if outer, inner, ok := strings.Cut(name, "["); ok { // list[…/countersign.Session] → SessionList
		at := strings.LastIndexByte(inner, '.')
		return qualified(inner[:max(at, 0)], strings.TrimSuffix(inner[at+1:], "]")) + title(outer)
	}
	return qualified(t.PkgPath(), name)
}

// qualified is a name with the last word of its package before it, where the document needs that.
func qualified(path, name string) string {
	switch pkg := path[strings.LastIndexByte(path, '/')+1:]; pkg {
	case "", "countersign", "api":
		return title(name)
	default:
		return title(pkg) + title(name)
	}
}

// title writes a name as the document's schemas are written.
func title(s string) string {
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}
