package testbrowser

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Page is one tab. Its methods end the test when the browser cannot do what
// they ask within half a minute. One goroutine at a time may use a page.
//
// Selectors are CSS; each means the first element that matches.
type Page struct {
	t    testing.TB
	ctx  context.Context
	view View
	log  traffic
}

// Focus says what the keyboard would act on, in the words of the browser's
// accessibility tree: what a screen reader says. It is zero when nothing has
// the focus.
type Focus struct {
	ID          string // the id attribute
	Role        string // "textbox", "button", "link" …
	Name        string // the accessible name
	Description string // what aria-describedby points to
}

// Open goes to an address, waits until the page has loaded, and gives the
// status of the final response. Traffic starts again from zero.
func (p *Page) Open(url string) int {
	p.t.Helper()
	p.log.reset()
	response, err := limited(p, chromedp.NavigateResponse(url))
	if err != nil {
		p.t.Fatalf("testbrowser: open %s: %v", url, err)
	}
	return int(response.Status)
}

// Do runs chromedp's own actions on the page, for what is not here.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if _, err := limited(p, chromedp.Steps(actions...)); err != nil {
		p.t.Fatalf("testbrowser: %v", err)
	}
}

// Load does what act says and waits for the page that follows, then gives the
// status of its response. A click that leads nowhere ends the test.
func (p *Page) Load(act func()) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, chromedp.Func(func(context.Context, *chromedp.Target) error {
		act()
		return nil
	}))
	if err != nil {
		p.t.Fatalf("testbrowser: wait for the next page: %v", err)
	}
	return int(response.Status)
}

// Click clicks on an element that is visible. See Load for links and buttons
// that lead to another page.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Fill types a value into a field, replacing what was there.
func (p *Page) Fill(selector, value string) {
	p.t.Helper()
	// chromedp's own ways to empty a field leave what was typed in it, so this
	// does as people do: select all of it and type over it.
	p.Do(chromedp.Focus(chromedp.CSS(selector), chromedp.NodeVisible),
		chromedp.Evaluate[chromedp.Void]("document.activeElement.select()"),
		chromedp.KeyEvent(kb.Backspace+value))
}

// Press sends keys to whatever has the focus. The names of keys that are no
// characters are in chromedp's package kb: kb.Tab, kb.Enter, kb.Escape.
func (p *Page) Press(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(keys, options...))
}

// Text gives the visible text of an element. It waits for the element.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	text, err := limited(p, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		p.t.Fatalf("testbrowser: text of %s: %v", selector, err)
	}
	return text
}

// URL gives the address the page is at now.
func (p *Page) URL() string {
	p.t.Helper()
	url, err := limited(p, chromedp.Location())
	if err != nil {
		p.t.Fatalf("testbrowser: address: %v", err)
	}
	return url
}

// Eval gives the value of a JavaScript expression, which is not bound by the
// page's own content security policy and works with JavaScript off.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	value, err := limited(p, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("testbrowser: evaluate %s: %v", expression, err)
	}
	return value
}

// Focused says where the keyboard focus is.
func (p *Page) Focused() Focus {
	p.t.Helper()
	if Eval[bool](p, "document.activeElement === document.body") {
		return Focus{}
	}
	active := call(p, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement"}).Result
	alone := false
	tree := call(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{
		ObjectID: active.ObjectID, FetchRelatives: &alone,
	})
	f := Focus{ID: Eval[string](p, "document.activeElement.id")}
	if len(tree.Nodes) == 0 {
		return f
	}
	node := tree.Nodes[0]
	f.Role, f.Name, f.Description = words(node.Role), words(node.Name), words(node.Description)
	return f
}

// Screenshot writes a PNG of the whole page, also of what is below the fold.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	png, err := limited(p, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("testbrowser: screenshot: %v", err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Fatalf("testbrowser: screenshot: %v", err)
	}
}

// limited runs an action on the page with a time limit.
func limited[T any](p *Page, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// call runs one command of the DevTools protocol with a time limit.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("testbrowser: %s: %v", command.Method, err)
	}
	return result
}
