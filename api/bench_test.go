package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign-id/countersign/internal/door"
)

// nowhere is a writer that costs nothing, so that only the handler is measured.
type nowhere struct{ h http.Header }

func (n *nowhere) Header() http.Header         { return n.h }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkSession is the hot path beside a bare handler that writes the same
// JSON: everything the door adds is the difference.
func BenchmarkSession(b *testing.B) {
	h := newHouse(b, func(d *door.Door) { d.Log = nil })
	text := h.ask2(b)
	bare := http.NewServeMux()
	bare.HandleFunc("GET /v1/session", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		w.Write(text) //nolint:errcheck // to nowhere
	})
	for name, handler := range map[string]http.Handler{"bare": bare, "door": h} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/v1/session", nil)
			r.Host = "id.example.com"
			r.Header.Set("Cookie", "__Host-countersign="+goodToken)
			w := &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				handler.ServeHTTP(w, r)
			}
		})
	}
}

func (h *house) ask2(b *testing.B) []byte {
	r := httptest.NewRequest("GET", "/v1/session", nil)
	r.Host = "id.example.com"
	r.Header.Set("Cookie", "__Host-countersign="+goodToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		b.Fatal(w.Code, err)
	}
	return text
}

// BenchmarkMount is what the routes, the document and the page cost at the start.
func BenchmarkMount(b *testing.B) {
	h := newHouse(b)
	for b.Loop() {
		h.api.Mount(http.NewServeMux())
	}
}
