// Package limit measures what this machine can do at best for a piece of work, with nothing of
// Countersign in the way: a bare net/http handler, Argon2id alone, SQLite commits alone.
//
// Each limit runs in a process of its own, as the product does, so that both pay the same for the
// garbage collector, the scheduler and the kernel. A limit does the least that is still correct; it is
// not a contest of tricks, so it uses the same libraries as the product.
package limit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
)

// Bare answers every request with the same JSON and the header fields that any sane server sends
// with it. It reads no request body and looks nothing up; net/http adds Date by itself.
//
// There is no mux and there are no timeouts: this is the top speed of net/http, not of a good server.
func Bare(body []byte) http.Handler {
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", length)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body) // a client that went away is not the limit's business
	})
}

// ServeBare serves Bare on ln until ctx ends.
func ServeBare(ctx context.Context, ln net.Listener, body []byte) error {
	s := &http.Server{Handler: Bare(body)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
