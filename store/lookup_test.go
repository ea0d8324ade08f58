package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

func TestASessionIsFoundAsItWasWritten(t *testing.T) {
	everywhere(t, func(w *world) {
		name := `Zoë "Z" <z>` + "\n&\u2028"
		i := w.person("zoe@example.com")
		i.Name, i.Username, i.Picture, i.Flags, i.Roles = name, &name, &name, []string{"beta", "a b"}, []string{"admin"}
		i.Metadata = []byte("{\"a\": [1, \"\\n\"],\n \"b\": null}")
		w.must(w.apply(countersign.Change{Identity: i}))
		s := w.session(i.ID)
		s.Device, s.Methods = countersign.Device{Name: name, Network: "2001:db8::1", Place: "near Lyon\nFrance"}, []string{"password", "totp\n"}
		s.LastProvedAt = time.Time{}
		w.must(w.apply(countersign.Change{Session: s}))
		got, who, err := w.db.FindSession(w.Context(), s.Hash)
		w.must(err)
		if diff := cmp.Diff(*s, got); diff != "" {
			t.Errorf("the session: %s", diff)
		}
		whole, _, err := w.db.SubjectOf(w.Context(), i.ID)
		w.must(err)
		if diff := cmp.Diff(whole, who); diff != "" || who.Name != name {
			t.Errorf("the identity, against what another statement finds: %s", diff)
		}
	})
}

func TestMoreLookUpsAtOnceThanReaders(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		var all sync.WaitGroup
		for n := range 64 {
			all.Go(func() {
				hash := s.Hash
				hash[0] += byte(n % 2) // every second one is nobody's
				got, who, err := w.db.FindSession(context.Background(), hash)
				switch {
				case n%2 == 0 && (err != nil || got.ID != s.ID || who.ID != i.ID):
					t.Errorf("found %s of %s: %v", got.ID, who.ID, err)
				case n%2 == 1 && !errors.Is(err, countersign.ErrNotFound):
					t.Errorf("nobody's: %s, %v", got.ID, err)
				}
			})
		}
		all.Wait()
	})
}

func TestNobodyIsFoundAfterTheEnd(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		gone, stop := context.WithCancel(context.Background())
		stop()
		if _, _, err := w.db.FindSession(gone, s.Hash); !errors.Is(err, context.Canceled) {
			t.Errorf("for a caller who went away: %v", err)
		}
		if !strings.HasPrefix(w.url, "sqlite:") {
			return // database/sql has its own word for it
		}
		w.must(w.db.Close())
		if _, _, err := w.db.FindSession(context.Background(), s.Hash); !errors.Is(err, countersign.ErrOverloaded) {
			t.Errorf("after the end: %v", err)
		}
	})
}
