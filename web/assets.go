package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"

	"github.com/countersign-id/countersign"
)

//go:embed assets
var files embed.FS

// assets are the embedded files, each under an address that holds a part of
// its hash: it may be kept for ever, since a changed file has another address.
type assets struct {
	path  map[string]string // by file name, its address
	body  map[string]asset  // by the last part of the address
	icons map[string]template.HTML

	press *gzip.Writer // one for all: each would take 800 kB of the start
}

// asset is one file as it is sent.
type asset struct {
	kind    string
	plain   []byte
	pressed []byte // gzip; nil where that is no shorter
}

// kindOf is written out because a machine's own table of types must not decide.
var kindOf = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
	".webp": "image/webp", ".ico": "image/vnd.microsoft.icon",
}

// newAssets reads the files once. The style sheet begins with the operator's hue.
func newAssets(b Brand) (*assets, error) {
	press, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	a := &assets{path: map[string]string{}, body: map[string]asset{}, icons: map[string]template.HTML{}, press: press}
	defer func() { a.press = nil }()
	list, err := files.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if f.IsDir() || kindOf[path.Ext(f.Name())] == "" {
			continue
		}
		text, err := files.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, err
		}
		if f.Name() == "style.css" {
			text = append(fmt.Appendf(nil, ":root{--hue:%d}\n", b.Hue), text...)
		}
		if err := a.add(f.Name(), text); err != nil {
			return nil, err
		}
	}
	// One file for the pages that need both: a request costs more than its bytes.
	together, err := joined("app.js", "passkey.js")
	if err != nil {
		return nil, err
	}
	if err := a.add("passkeys.js", together); err != nil {
		return nil, err
	}
	if len(b.Logo) > 0 {
		if err := a.add("logo"+formOf(b.Logo), b.Logo); err != nil {
			return nil, err
		}
		a.path["logo"] = a.path["logo"+formOf(b.Logo)]
	}
	return a, a.drawings()
}

// joined is several scripts as one; each stands for itself.
func joined(names ...string) (all []byte, err error) {
	for _, name := range names {
		text, err := files.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		all = append(append(append(all, "{\n"...), text...), "}\n"...)
	}
	return all, nil
}

func (a *assets) add(name string, text []byte) error {
	sum := sha256.Sum256(text)
	ext := path.Ext(name)
	address := strings.TrimSuffix(name, ext) + "." + base64.RawURLEncoding.EncodeToString(sum[:9]) + ext
	one := asset{kind: kindOf[ext], plain: text}
	var b bytes.Buffer
	a.press.Reset(&b)
	if _, err := a.press.Write(text); err != nil {
		return err
	}
	if err := a.press.Close(); err != nil {
		return err
	}
	if b.Len() < len(text)*9/10 {
		one.pressed = b.Bytes()
	}
	a.body[address], a.path[name] = one, "/assets/"+address
	return nil
}

// drawings reads the icons (Lucide, ISC licence, see assets/icons/LICENSE) that
// stand in pages, and the mark. currentColor gives them the colour of their text.
func (a *assets) drawings() error {
	list, err := files.ReadDir("assets/icons")
	if err != nil {
		return err
	}
	for _, f := range list {
		name, svg := strings.CutSuffix(f.Name(), ".svg")
		if !svg {
			continue
		}
		text, err := files.ReadFile("assets/icons/" + f.Name())
		if err != nil {
			return err
		}
		_, text, _ = bytes.Cut(text, []byte("-->")) // the note of its licence is in the folder
		line := strings.Join(strings.Fields(string(text)), " ")
		a.icons[name] = template.HTML(strings.Replace(line, "<svg ", `<svg aria-hidden="true" focusable="false" `, 1))
	}
	return nil
}

// formOf tells the form of a logo from its first bytes.
func formOf(logo []byte) string {
	switch {
	case bytes.HasPrefix(logo, []byte("\x89PNG")):
		return ".png"
	case bytes.HasPrefix(logo, []byte("RIFF")):
		return ".webp"
	}
	return ".svg"
}

// asset answers with one file, compressed where the browser takes that.
func (s *site) asset(v *visit) error {
	one, ok := s.assets.body[v.r.PathValue("file")]
	if !ok {
		return countersign.ErrNotFound
	}
	v.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return one.send(v)
}

func (a asset) send(v *visit) error {
	h, body := v.w.Header(), a.plain
	h.Set("Content-Type", a.kind)
	h.Add("Vary", "Accept-Encoding")
	if a.pressed != nil && strings.Contains(v.r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.pressed
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	_, err := v.w.Write(body)
	return err
}
