package testbrowser

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Traffic is what a page fetched since it was opened.
type Traffic struct {
	Requests []string // addresses in the order they were asked for, redirects too
	Bytes    int      // received from the network, headers included, after compression
	Foreign  []string // hosts other than the page's own, sorted, each once
}

// traffic collects events while the browser sends them; the listener runs on
// the goroutine that reads from the browser, so it only takes notes.
type traffic struct {
	mu       sync.Mutex
	requests []string
	frame    cdp.FrameID           // the page's own frame
	loaders  map[cdp.LoaderID]bool // the documents opened since the reset
	counted  map[network.RequestID]bool
	document string // where the page itself came from
	bytes    float64
	errors   []string
}

// Traffic gives the requests since Open. Data and blob addresses are no
// requests. What the page may still fetch later is not in it.
func (p *Page) Traffic() Traffic {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	own, foreign := host(p.log.document), map[string]bool{}
	for _, r := range p.log.requests {
		if h := host(r); h != own {
			foreign[h] = true
		}
	}
	return Traffic{
		Requests: slices.Clone(p.log.requests),
		Bytes:    int(p.log.bytes),
		Foreign:  slices.Sorted(maps.Keys(foreign)),
	}
}

// Errors gives the errors and warnings in the console since the page was
// made: exceptions, refusals by the content security policy, failed requests.
// An answer of 400 or above is among them, because browsers say so.
func (p *Page) Errors() []string {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	return slices.Clone(p.log.errors)
}

func (l *traffic) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.document, l.bytes = nil, "", 0
	l.loaders, l.counted = map[cdp.LoaderID]bool{}, map[network.RequestID]bool{}
}

// note takes one event of the protocol; those it does not know are not its business.
func (l *traffic) note(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		l.request(e)
	case *network.EventLoadingFinished:
		if l.counted[e.RequestID] {
			l.bytes += e.EncodedDataLength
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			l.errors = append(l.errors, strings.TrimSpace(e.Entry.Text+" "+e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		l.errors = append(l.errors, exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			l.errors = append(l.errors, console(e.Args))
		}
	}
}

// request counts a request that belongs to a document opened since the reset.
// The page before may still fetch something, most often its icon.
func (l *traffic) request(e *network.EventRequestWillBeSent) {
	if e.Type == network.ResourceTypeDocument {
		l.loaders[e.LoaderID] = true
		l.frame = cmp.Or(l.frame, e.FrameID) // the first document is the page; later ones may be frames in it
		if e.FrameID == l.frame {
			l.document = e.Request.URL
		}
	}
	scheme, _, _ := strings.Cut(e.Request.URL, ":")
	if scheme != "http" && scheme != "https" || e.LoaderID != "" && !l.loaders[e.LoaderID] {
		return
	}
	l.requests = append(l.requests, e.Request.URL)
	l.counted[e.RequestID] = true
	if e.RedirectResponse != nil { // its bytes come here only: it never finishes loading
		l.bytes += e.RedirectResponse.EncodedDataLength
	}
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return d.Text
	}
	return d.Text + " " + d.Exception.Description
}

func console(args []*runtime.RemoteObject) string {
	var said []string
	for _, a := range args {
		var s string
		if json.Unmarshal(a.Value, &s) != nil {
			s = cmp.Or(a.Description, string(a.Value))
		}
		said = append(said, s)
	}
	return strings.Join(said, " ")
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // an address nobody can read is surely not our own
	}
	return u.Host
}

// words reads a text out of the accessibility tree; what is not there is empty.
func words(v *accessibility.Value) (s string) {
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}
