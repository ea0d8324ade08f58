package server_test

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/countersigntest"
)

// setUp makes the first administrator and returns a session token.
func (v visit) setUp(token string) string {
	v.Helper()
	secret, _ := json.Marshal(map[string]string{"method": "password", "password": countersigntest.Password})
	_, _, session, err := v.Admin.Setup(v.T.Context(), countersign.Caller{}, token, admin.New{Email: "root@example.com", Secret: secret})
	if err != nil {
		v.Fatal(err)
	}
	return session
}

func TestTheSetUpLinkMakesOneAdministrator(t *testing.T) {
	v := newVisit(t)
	old, err := v.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link, err := v.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{"one that was printed before": old, "none": "", "a made-up one": link[:len(link)-1] + "z"} {
		if err := v.Admin.SetupCheck(t.Context(), token); !errors.Is(err, countersign.ErrExpired) {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret, _ := json.Marshal(map[string]string{"method": "password", "password": countersigntest.Password})
	var made atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			address := string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@example.com"
			if _, _, _, err := v.Admin.Setup(t.Context(), countersign.Caller{}, link, admin.New{Email: address, Secret: secret}); err == nil {
				made.Add(1)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("one link made %d administrators", made.Load())
	}
	if open, err := v.Admin.SetupOpen(t.Context()); err != nil || open {
		t.Errorf("open again: %v, %v", open, err)
	}
}

// The link stays closed even when every administrator is gone.
func TestSetUpDoesNotReopen(t *testing.T) {
	v := newVisit(t)
	cli := countersign.Caller{System: "cli"}
	i, err := v.Admin.Add(t.Context(), cli, admin.New{Email: "root@example.com", Roles: []string{"admin"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Store.Apply(t.Context(), &countersign.Change{Remove: i.ID, Events: []countersign.Event{{ID: "evt_x", At: v.Now(), Action: "test"}}}); err != nil {
		t.Fatal(err)
	}
	if open, err := v.Admin.SetupOpen(t.Context()); err != nil || open {
		t.Errorf("open again: %v, %v", open, err)
	}
}
