package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
)

func TestFailuresSayWhatAndHow(t *testing.T) {
	listen := &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EACCES}
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{countersign.Invalid("email", "invalid", "Give one."), off, "countersign: email: Give one.\n"},
		{fmt.Errorf("admin: %w", countersign.ErrNotFound), failed, "countersign: not found\n"},
		{fmt.Errorf("admin: %w", countersign.ErrConflict), failed, "countersign: someone else changed it at the same moment\ntry: run the command again\n"},
		{fmt.Errorf("store: apply: %w: %w", countersign.ErrOverloaded, errors.New("database is locked")), failed,
			"countersign: store: apply: database is locked\ntry: countersign doctor\n"},
		{config.Problems{{Source: "a.toml", Line: 2, Key: "server.listn", Wrong: "unknown key"}}, off,
			"countersign: the configuration is off\n  a.toml:2: server.listn: unknown key\ntry: countersign config check\n"},
		{fmt.Errorf("server: %w", listen), failed, "countersign: server: listen tcp: permission denied\ntry: ports below 1024 need a privilege: " +
			"choose another one, or run setcap cap_net_bind_service=+ep on the program\n"},
		{context.Canceled, failed, "countersign: interrupted\n"},
		{errUnsound, failed, ""},
		{errors.Join(errors.New("one"), nil), failed, "countersign: one\n"},
		{&refusal{status: off, wrong: "no"}, off, "countersign: no\n"},
	} {
		var said strings.Builder
		status := (&program{err: &said}).fail(c.err)
		if diff := cmp.Diff(c.want, said.String()); status != c.status || diff != "" {
			t.Errorf("%v: status %d, want %d\n%s", c.err, status, c.status, diff)
		}
	}
}

func TestWhatPeopleChoseCannotSteerTheTerminal(t *testing.T) {
	for in, want := range map[string]string{"": "-", "Ada": "Ada", "Ära 雪": "Ära 雪", "a\x1b[2Jb": "a?[2Jb", "a\nb\u202e": "a?b?"} {
		if got := plain(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestListsAreGatheredPageByPage(t *testing.T) {
	var asked []string
	pages := func(after string, limit int) ([]int, string, error) {
		asked = append(asked, fmt.Sprint(after, "+", limit))
		if after == "end" {
			return []int{1}, "", nil
		}
		return make([]int, limit), "end", nil
	}
	items, more, err := gather(page{Limit: 450, After: "begin"}, pages)
	if err != nil || len(items) != 201 || more != "" {
		t.Errorf("%d items, more %q, %v", len(items), more, err)
	}
	if diff := cmp.Diff([]string{"begin+200", "end+200"}, asked); diff != "" {
		t.Error(diff)
	}
	if items, more, err = gather(page{Limit: 3}, pages); err != nil || len(items) != 3 || more != "end" {
		t.Errorf("%d items, more %q, %v", len(items), more, err)
	}
	wrong := errors.New("gone")
	if _, _, err := gather(page{Limit: 3}, func(string, int) ([]int, string, error) { return nil, "", wrong }); !errors.Is(err, wrong) {
		t.Errorf("the error is lost: %v", err)
	}
}
