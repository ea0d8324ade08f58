package testbrowser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// axe is axe-core, the accessibility checker; see axe/README.md.
//
//go:embed axe/axe.min.js
var axe string

// audit asks for the rules of WCAG 2.0 to 2.2, levels A and AA. Preloading is
// off, since it would fetch style sheets again and count as traffic.
const audit = `axe.run(document, {
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
	resultTypes: ["violations"], preload: false,
}).then(r => JSON.stringify(r.violations.map(v => ({
	rule: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.target.join(" ") + "  " + n.html),
}))))`

// Violation is a rule of WCAG that the page breaks.
type Violation struct {
	Rule   string   // axe's name for it, as "color-contrast"
	Impact string   // "minor", "moderate", "serious" or "critical"
	Help   string   // what to do, in a sentence
	Nodes  []string // selector and start of each element at fault
}

// String puts the rule on one line and each element on one more.
func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s\n\t%s", v.Rule, v.Impact, v.Help, strings.Join(v.Nodes, "\n\t"))
}

// Axe checks the page as it is now against WCAG 2.2 AA. An empty answer is no
// proof of accessibility: a machine sees about half of what can be wrong.
//
// The checker runs in a world of its own, where the page's content security
// policy does not bind it and the page's scripts do not see it.
func (p *Page) Axe() []Violation {
	p.t.Helper()
	if p.view.NoScript {
		// Promises do not settle while scripts are off. The page's own scripts
		// were never loaded, so switching on for a moment starts none.
		p.script(true)
		defer p.script(false)
	}
	frame := call(p, page.GetFrameTree, struct{}{}).FrameTree.Frame.ID
	world := call(p, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{
		FrameID: frame, WorldName: "axe",
	}).ExecutionContextID
	yes := true
	answer := call(p, runtime.Evaluate, runtime.EvaluateParams{
		Expression: axe + ";\n" + audit, ContextID: world, AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if answer.ExceptionDetails != nil {
		p.t.Fatalf("testbrowser: axe: %s", exception(answer.ExceptionDetails))
	}
	var report string
	var found []Violation
	if err := json.Unmarshal(answer.Result.Value, &report); err != nil {
		p.t.Fatalf("testbrowser: axe: read the report: %v", err)
	}
	if err := json.Unmarshal([]byte(report), &found); err != nil {
		p.t.Fatalf("testbrowser: axe: read the report: %v", err)
	}
	return found
}
