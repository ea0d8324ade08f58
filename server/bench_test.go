package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign-id/countersign/countersigntest"
)

// sheet is a writer that keeps nothing.
type sheet struct{ header http.Header }

func (s *sheet) Header() http.Header         { return s.header }
func (s *sheet) Write(b []byte) (int, error) { return len(b), nil }
func (s *sheet) WriteHeader(int)             {}

func BenchmarkSessionCheck(b *testing.B) {
	s := countersigntest.New(b, countersigntest.Options{})
	token := s.SignUp("ada@example.com")
	h := s.Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := httptest.NewRequest("GET", s.URL+"/v1/session", nil)
		r.RemoteAddr = "127.0.0.1:12345"
		r.Header.Set("Authorization", "Bearer "+token)
		for pb.Next() {
			h.ServeHTTP(&sheet{http.Header{}}, r)
		}
	})
}
