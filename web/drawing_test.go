package web

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestADrawingIsShapesAndNothingElse(t *testing.T) {
	good := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4" width="16" height="16" role="img" aria-label="x" shape-rendering="crispEdges"><rect width="4" height="4" fill="#fff"/><path d="M0 .5h1" stroke="#000"/></svg>`
	got, err := draw(good, `a "label"`)
	want := `<svg role="img" aria-label="a &#34;label&#34;" viewBox="0 0 4 4" width="16" height="16" shape-rendering="crispEdges"><rect width="4" height="4" fill="#fff"></rect><path d="M0 .5h1" stroke="#000"></path></svg>`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	for say, bad := range map[string]string{
		"nothing": "", "text": "hello", "a script": `<svg><script>alert(1)</script></svg>`, "a style": `<svg><style>*{}</style></svg>`,
		"HTML inside": `<svg><foreignObject><p/></foreignObject></svg>`, "a handler": `<svg onload="x()"></svg>`, "a style attribute": `<svg><rect style="x"/></svg>`,
		"a link": `<svg><a href="javascript:x()"/></svg>`, "a reference": `<svg><path xlink:href="x"/></svg>`, "another's element": `<svg><x:script/></svg>`,
		"text inside": `<svg>hi</svg>`, "two drawings": `<svg></svg><svg></svg>`, "one in another": `<svg><svg></svg></svg>`, "half a drawing": `<svg><g>`,
		"crossed tags": `<svg><g><path></g></path></svg>`, "a comment": `<svg><!-- --></svg>`, "CDATA": `<svg><![CDATA[<script>]]></svg>`,
		"an entity": `<!DOCTYPE svg [<!ENTITY x "y">]><svg></svg>`, "an instruction": `<?xml-stylesheet href="x"?><svg></svg>`, "no drawing": `<p></p>`,
	} {
		if got, err := draw(bad, "x"); err == nil {
			t.Errorf("%s was drawn as %s", say, got)
		}
	}
}

// FuzzDraw: what comes out has only what is allowed, whatever went in.
func FuzzDraw(f *testing.F) {
	f.Add(`<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>`)
	f.Add(`<svg><g><rect fill="&quot;&gt;&lt;script&gt;"/></g></svg>`)
	f.Add(`<svg onload=x>`)
	f.Fuzz(func(t *testing.T, in string) {
		out, err := draw(in, "x")
		if err != nil {
			return
		}
		if strings.Count(string(out), "<") != 2*strings.Count(string(out), "</") {
			t.Fatalf("%q: an odd number of tags", out)
		}
		for d := xml.NewDecoder(strings.NewReader(string(out))); ; {
			token, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%q: %v", out, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			allowed, known := drawn[e.Name.Local]
			for _, a := range e.Attr {
				if known = known && plain(a, allowed); !known {
					break
				}
			}
			if !known {
				t.Fatalf("%q has %v", out, e)
			}
		}
	})
}
