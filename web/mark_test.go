package web_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/countersign-id/countersign/internal/testbrowser"
)

// drawn are the pictures that are made from the one drawing of the mark.
var drawn = []struct {
	name          string
	width, height int64
}{{"favicon.ico", 32, 32}, {"apple-touch-icon.png", 180, 180}, {"icon-512.png", 512, 512}, {"card.png", 1200, 630}}

// TestTheMarkIsDrawnOnce draws them anew with -update, and otherwise checks
// that they are there in the size that their names promise.
func TestTheMarkIsDrawnOnce(t *testing.T) {
	if *update {
		draw(t)
	}
	drawing := regexp.MustCompile(`<path d="[^"]+"/>`).FindString(string(must(os.ReadFile("assets/icon.svg"))))
	if frame := string(must(os.ReadFile("templates/frame.html"))); drawing == "" || !strings.Contains(frame, drawing) {
		t.Error("the mark in the pages is another drawing than the icon")
	}
	for _, d := range drawn {
		text, err := os.ReadFile(filepath.Join("assets", d.name))
		if err != nil {
			t.Fatal(err)
		}
		if d.name == "favicon.ico" {
			text = text[22:]
		}
		picture, err := png.Decode(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", d.name, err)
		} else if got := picture.Bounds(); got != image.Rect(0, 0, int(d.width), int(d.height)) {
			t.Errorf("%s is %v", d.name, got)
		}
	}
}

func draw(t *testing.T) {
	svg := must(os.ReadFile(filepath.Join("assets", "icon.svg")))
	var page string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	defer site.Close()
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{})
	for _, d := range drawn {
		side, word := "80%", ""
		if d.name == "favicon.ico" {
			side = "100%"
		}
		if d.name == "card.png" {
			side, word = "40%", "<span>Countersign</span>"
		}
		page = fmt.Sprintf(`<!doctype html><style>html,body{margin:0;height:100%%;background:#fff}body{display:flex;align-items:center;justify-content:center;gap:48px}
			svg{height:%s}span{font:650 104px system-ui;letter-spacing:-.02em;color:#1d2033}</style><body>%s%s`, side, svg, word)
		p.Do(chromedp.EmulateViewport(d.width, d.height))
		p.Open(site.URL)
		p.Screenshot(filepath.Join("assets", d.name))
	}
	wrap(t, filepath.Join("assets", "favicon.ico"))
}

// wrap puts a PNG into the container that old browsers ask for: one entry, 32 by 32.
func wrap(t *testing.T, path string) {
	picture := must(os.ReadFile(path))
	var b bytes.Buffer
	for _, part := range []any{[]uint16{0, 1, 1}, []byte{32, 32, 0, 0}, []uint16{1, 32}, []uint32{uint32(len(picture)), 22}} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, append(b.Bytes(), picture...), 0o644); err != nil {
		t.Fatal(err)
	}
}
