package totp

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the empty border that scanners need, in modules (ISO/IEC 18004 section 6.3.8).
const quiet = 4

// draw makes a QR code as SVG to put into a page: attributes instead of styles,
// which our Content-Security-Policy forbids, and black on white of its own, so
// that it scans where the page is dark. Each run of black modules is one line
// of a path, one module thick.
func draw(text string) (string, error) {
	// Correction M is what cameras are used to. The mask is always the first,
	// which may only fail to look even where the text repeats itself; ours is mostly random.
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for code.Black(x, y) {
				x++
			}
			if x > start {
				fmt.Fprintf(&path, "M%d %d.5h%d", start+quiet, y+quiet, x-start)
			}
		}
	}
	side := code.Size + 2*quiet
	// Four pixels a module: whole ones, or the edges blur.
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="QR code" shape-rendering="crispEdges">`+
		`<rect width="%d" height="%d" fill="#fff"/><path d="%s" stroke="#000"/></svg>`, side, side, 4*side, 4*side, side, side, path.String()), nil
}
