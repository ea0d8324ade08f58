package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/internal/testbrowser"
)

// The page for people, in a browser: no WCAG 2.2 AA violation, no complaint in
// the console, nothing wider than a phone, in light and dark.
func TestThePageIsReadableByEverybody(t *testing.T) {
	var handler http.Handler
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer site.Close()
	public, err := url.Parse(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	handler = newHouse(t, func(d *door.Door) { d.Public = public })
	browser := testbrowser.New(t, testbrowser.Options{})
	for _, view := range []testbrowser.View{{}, {Dark: true}, {Phone: true}, {Phone: true, Dark: true, NoScript: true}} {
		t.Run(fmt.Sprintf("phone %v dark %v", view.Phone, view.Dark), func(t *testing.T) {
			p := browser.Page(t, view)
			if status := p.Open(site.URL + "/docs"); status != 200 {
				t.Fatalf("status %d", status)
			}
			if errors := p.Errors(); len(errors) > 0 {
				t.Errorf("console: %v", errors)
			}
			if got := p.Traffic(); len(got.Requests) > 3 || len(got.Foreign) > 0 {
				t.Errorf("%+v", got)
			}
			if view.NoScript {
				return
			}
			for _, v := range p.Axe() {
				t.Error(v)
			}
			if wide := testbrowser.Eval[bool](p, "document.documentElement.scrollWidth > innerWidth"); wide {
				t.Error("the page scrolls sideways")
			}
		})
	}
}
