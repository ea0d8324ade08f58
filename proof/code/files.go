package code

import (
	"embed"
	"io/fs"
)

//go:embed form.html en.toml de.toml
var files embed.FS

// Files are the method's form and its words.
func (*Method) Files() fs.FS { return files }
