package totp

import (
	"embed"
	"io/fs"
)

//go:embed form.html enroll.html en.toml de.toml
var files embed.FS

// Files are the method's forms, to prove and to set up, and its words.
func (*Method) Files() fs.FS { return files }
