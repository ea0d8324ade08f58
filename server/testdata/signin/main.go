// Command signin signs one person in, with nothing else going on, and writes
// down which code that took. Built with -cover -covermode=atomic.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/coverage"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(data, counters string) error {
	ctx := context.Background()
	c, err := config.Load(config.Source{DataDir: data, Set: []string{"password.hash.memory_kib=8192", "password.hash.time=1"}})
	if err != nil {
		return err
	}
	s, err := server.New(ctx, c, server.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	secret, _ := json.Marshal(map[string]string{"method": "password", "password": "a lantern over quiet water"})
	if _, err := s.Admin.Add(ctx, countersign.Caller{System: "test"}, admin.New{Email: "ada@example.com", Secret: secret}); err != nil {
		return err
	}
	// The first ones prepare statements and open connections.
	for range 3 {
		if err := signIn(s); err != nil {
			return err
		}
	}
	before := s.Store.Stats().Statements
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	if err := signIn(s); err != nil {
		return err
	}
	if err := coverage.WriteCountersDir(counters); err != nil {
		return err
	}
	fmt.Println(s.Store.Stats().Statements - before)
	return coverage.WriteMetaDir(counters)
}

func signIn(s *server.Server) error {
	body := `{"purpose":"sign_in","identifier":"ada@example.com","issue":"session_token","evidence":{"method":"password","password":"a lantern over quiet water"}}`
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8440/v1/attempts", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code/100 != 2 {
		return fmt.Errorf("sign-in: %d", w.Code)
	}
	return nil
}
