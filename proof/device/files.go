package device

import (
	"embed"
	"io/fs"
)

//go:embed en.toml de.toml
var files embed.FS

// Files are its words. It has no form: nobody types a token.
func (*Method) Files() fs.FS { return files }
