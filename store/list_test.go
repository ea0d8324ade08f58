package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

func TestIdentitiesAreFilteredAndPaged(t *testing.T) {
	everywhere(t, func(w *world) {
		ann := "ann"
		for _, i := range []countersign.Identity{
			{ID: "idn_1", Kind: countersign.Person, State: countersign.Active, Username: &ann, Flags: []string{"beta"}},
			{ID: "idn_2", Kind: countersign.Person, State: countersign.Disabled, Emails: []countersign.Email{{Address: "Anna@example.com", Verified: true}}, Flags: []string{"beta"}, Roles: []string{"admin"}},
			{ID: "idn_3", Kind: countersign.Service, State: countersign.Active, Roles: []string{"admin", "beta"}},
			{ID: "idn_4", Kind: countersign.Guest, State: countersign.Active, Emails: []countersign.Email{{Address: "anton@example.com"}}},
		} {
			w.must(w.apply(countersign.Change{Identity: &i}))
		}
		for _, c := range []struct {
			name  string
			f     countersign.IdentityFilter
			after countersign.IdentityID
			limit int
			want  string
		}{
			{"all", countersign.IdentityFilter{}, "", 0, "1 2 3 4"},
			{"a page", countersign.IdentityFilter{}, "idn_1", 2, "2 3"},
			{"a flag", countersign.IdentityFilter{Flag: "beta"}, "", 0, "1 2"},
			{"a flag, next page", countersign.IdentityFilter{Flag: "beta"}, "idn_1", 1, "2"},
			{"a role", countersign.IdentityFilter{Role: "admin"}, "", 0, "2 3"},
			{"flag and role", countersign.IdentityFilter{Flag: "beta", Role: "admin"}, "", 0, "2"},
			{"a kind", countersign.IdentityFilter{Kind: countersign.Service}, "", 0, "3"},
			{"a state", countersign.IdentityFilter{State: countersign.Disabled}, "", 0, "2"},
			{"kind and state", countersign.IdentityFilter{Kind: countersign.Person, State: countersign.Active}, "", 0, "1"},
			{"a verified prefix", countersign.IdentityFilter{Prefix: "AN"}, "", 0, "1 2"},
			{"a wildcard is no wildcard", countersign.IdentityFilter{Prefix: "%"}, "", 0, ""},
			{"all at once", countersign.IdentityFilter{Prefix: "ann", Flag: "beta", Role: "admin", Kind: countersign.Person, State: countersign.Disabled}, "idn_1", 5, "2"},
			{"a NUL", countersign.IdentityFilter{Flag: "\x00"}, "", 0, ""},
		} {
			got, err := w.db.ListIdentities(w.Context(), c.f, c.after, c.limit)
			w.must(err)
			var ids []string
			for _, i := range got {
				ids = append(ids, strings.TrimPrefix(string(i.ID), "idn_"))
			}
			if strings.Join(ids, " ") != c.want {
				t.Errorf("%s: got %v, want %s", c.name, ids, c.want)
			}
		}
		_, err := w.db.ListIdentities(w.Context(), countersign.IdentityFilter{State: "'; DROP TABLE"}, "", 0)
		w.refused(err, countersign.ErrMalformed, "an unknown state")
		_, err = w.db.ListIdentities(w.Context(), countersign.IdentityFilter{Kind: "x"}, "", 0)
		w.refused(err, countersign.ErrMalformed, "an unknown kind")
	})
}

func TestEventsReadBackNewestFirst(t *testing.T) {
	everywhere(t, func(w *world) {
		whole := countersign.Event{ID: "evt_5", At: start.Add(time.Nanosecond), Action: "a", Outcome: "refused", Reason: "wrong", Actor: "idn_1", Subject: "idn_1", Session: "ses_1",
			Attempt: "att_1", Method: "password", Network: "192.0.2.1", Device: "bad \xff \x00 text", Request: "r", Detail: map[string]string{"<k>": "v\x00"}}
		w.must(w.apply(countersign.Change{Events: []countersign.Event{{ID: "evt_1", At: start, Action: "a", Subject: "idn_1"},
			{ID: "evt_2", At: start, Action: "b", Subject: "idn_1"}, {ID: "evt_3", At: start, Action: "a", Subject: "idn_2"}, {ID: "evt_4", At: start, Action: "a"}, whole}}))
		for _, c := range []struct {
			name   string
			f      countersign.EventFilter
			before string
			want   string
		}{
			{"all", countersign.EventFilter{}, "", "5 4 3 2 1"},
			{"before", countersign.EventFilter{}, "evt_3", "2 1"},
			{"a subject", countersign.EventFilter{Subject: "idn_1"}, "", "5 2 1"},
			{"an action", countersign.EventFilter{Action: "a"}, "evt_5", "4 3 1"},
			{"both", countersign.EventFilter{Subject: "idn_1", Action: "a"}, "evt_5", "1"},
		} {
			got, err := w.db.ListEvents(w.Context(), c.f, c.before, 0)
			w.must(err)
			var ids []string
			for _, e := range got {
				ids = append(ids, strings.TrimPrefix(e.ID, "evt_"))
			}
			if strings.Join(ids, " ") != c.want {
				t.Errorf("%s: got %v, want %s", c.name, ids, c.want)
			}
		}
		got, err := w.db.ListEvents(w.Context(), countersign.EventFilter{}, "", 1)
		w.must(err)
		if e := got[0]; e.Device != "bad \uFFFD  text" || e.Detail["<k>"] != "v" || !e.At.Equal(start) || e.Reason != "wrong" || e.Session != "ses_1" || e.Request != "r" {
			t.Errorf("got %+v", e)
		}
	})
}
