// Command embedded is a small web program with sign-in: it runs Countersign
// inside itself, beside a page of its own that says who is signed in.
//
// It shows the whole of embedding: load the settings, make a server, mount its
// handler, run its background work, ask it who stands behind a request. What it
// leaves out is what any Go program has to decide by itself, such as TLS: see
// docs/guides/embed-in-go.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done. The settings are those of `countersign serve`,
// by the same environment variables: COUNTERSIGN_SERVER__NAME=Acme.
func run(ctx context.Context, args, env []string, out io.Writer) error {
	words := flag.NewFlagSet("embedded", flag.ContinueOnError)
	data := words.String("data", "", "folder of the database and the keys; ./countersign-data when empty")
	if err := words.Parse(args); err != nil {
		return err
	}
	c, err := config.Load(config.Source{DataDir: *data, Env: env})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Server.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "open %s\nmail that would be sent: %[1]s/dev/inbox\n", c.Server.PublicURL.URL())
	return serve(ctx, c, listener)
}

// serve answers on the listener until ctx is done, then lets requests in flight
// end. Background work stops after them, because they may still write and send.
func serve(ctx context.Context, c config.Config, listener net.Listener) error {
	id, err := server.New(ctx, c, server.Options{Log: slog.Default()})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { id.Run(work) })

	front := &http.Server{Handler: newSite(id, c).handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- front.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.Server.DrainTimeout))
		defer cancel()
		err = front.Shutdown(drain)
	}
	stop()
	background.Wait()
	return errors.Join(err, id.Close())
}
