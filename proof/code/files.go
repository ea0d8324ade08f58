package code

import (
	"embed"
	"io/fs"
)

//go:embed email sms link
var files embed.FS

// Files are the kind's form and its words.
func (m *Method) Files() fs.FS {
	f, err := fs.Sub(files, m.k.files)
	if err != nil {
		panic("code: a folder that is built in: " + err.Error())
	}
	return f
}
