// Package testbrowser drives Debian's Chromium for the tests of pages.
//
// It owns the browser process, a fresh profile for each page, and what a test
// wants to know about a page: its text, where the keyboard focus is, what it
// fetched, what it complained about, how it looks, and where it breaks WCAG
// 2.2 AA. It knows nothing about our pages, and it starts no server.
//
// A machine without Chromium makes the test fail, never skip.
package testbrowser

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience bounds each step, so that a page which never comes fails its own
// test instead of the whole run. Two loaded cores need more than one would think.
const patience = 30 * time.Second

// Options concern the whole browser.
type Options struct {
	// Flags are further command-line flags, without the dashes; the value is a
	// string, or a bool for a flag that takes none.
	Flags map[string]any
}

// Browser is one running Chromium. Several goroutines may ask it for pages.
type Browser struct {
	ctx context.Context
}

// View is how a visitor looks at a page. The zero value is a desktop of 1280 by
// 900 pixels, light, English, with JavaScript.
type View struct {
	Phone    bool   // 360 by 740 pixels
	Dark     bool   // prefers-color-scheme: dark
	NoScript bool   // JavaScript off
	Language string // Accept-Language, if not the browser's own
}

// New starts a browser that ends with t. One browser for many subtests is well:
// its pages share nothing.
func New(t testing.TB, o Options) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		t.Fatalf("testbrowser: %v", err)
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), flags(path, o)...)
	ctx, cancel := chromedp.NewContext(alloc)
	// The first Do starts the browser and binds its life to ctx, so no timeout here.
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		cancelAlloc()
		t.Fatalf("testbrowser: start %s: %v", path, err)
	}
	t.Cleanup(func() {
		defer cancelAlloc()
		end, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := chromedp.Cancel(end); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("testbrowser: close: %v", err)
		}
	})
	return &Browser{ctx: ctx}
}

// Page opens an empty page in a profile of its own: no cookies, no cache, no
// storage of any other page. It closes when t ends.
func (b *Browser) Page(t testing.TB, v View) *Page {
	t.Helper()
	return open(t, b.ctx, v, chromedp.WithNewBrowserContext())
}

// Tab opens another page in the profile of p, as a link from a mail would be.
func (p *Page) Tab() *Page {
	p.t.Helper()
	return open(p.t, p.ctx, p.view)
}

func open(t testing.TB, parent context.Context, v View, options ...chromedp.ContextOption) *Page {
	t.Helper()
	p := &Page{t: t, view: v}
	p.log.reset()
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(p.log.note))...)
	t.Cleanup(cancel)
	p.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("testbrowser: new page: %v", err)
	}
	p.emulate()
	return p
}

// emulate makes the page look as its view says.
func (p *Page) emulate() {
	p.t.Helper()
	width, height := int64(1280), int64(900)
	if p.view.Phone {
		width, height = 360, 740
	}
	p.Do(chromedp.EmulateViewport(width, height))
	scheme := "light"
	if p.view.Dark {
		scheme = "dark"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // pictures and audits must not catch a page half way
	}})
	if p.view.Language != "" {
		call(p, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{"Accept-Language": p.view.Language},
		})
	}
	p.script(!p.view.NoScript)
}

func (p *Page) script(on bool) {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// find looks for Debian's name first, then for those of other systems.
func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium on this machine: apt-get install chromium")
}

// flags keep the browser quiet: whatever it fetches on its own account would
// count as a request of the page, or leave the machine.
func flags(path string, o Options) []chromedp.ExecAllocatorOption {
	all := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		// The sandbox refuses to run as root, and most containers cannot give it
		// what it needs. The pages are our own.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-US"),
		// chromedp's own list of features, and what else talks to the network.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,OptimizationHints,MediaRouter"),
	)
	for name, value := range o.Flags {
		all = append(all, chromedp.Flag(name, value))
	}
	return all
}
