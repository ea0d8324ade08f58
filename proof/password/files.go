package password

import (
	"embed"
	"io/fs"
)

//go:embed form.html enroll.html change.html en.toml de.toml
var files embed.FS

// Files are the method's forms, to prove, to set up and to change, and its words.
func (*Method) Files() fs.FS { return files }
