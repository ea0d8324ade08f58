package reset

import (
	"embed"
	"io/fs"
)

//go:embed form.html enroll.html en.toml de.toml
var files embed.FS

// Files are the method's forms, to use a reset and to ask for one, and its
// words. Neither form has a field: the button of the page is all there is to give.
func (*Method) Files() fs.FS { return files }
