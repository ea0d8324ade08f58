package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/store"
)

func (w *world) claim() []countersign.Message {
	w.Helper()
	got, err := w.db.ClaimMessages(w.Context(), time.Minute, 10)
	w.must(err)
	return got
}

func TestAMessageIsClaimedOnceAndAgainAfterItsLease(t *testing.T) {
	everywhere(t, func(w *world) {
		m := countersign.Message{ID: "msg_1", Channel: "email", To: "ada@example.com", Template: "recover", Locale: "de", Data: map[string]string{"code": "12345678"}, CreatedAt: start}
		w.must(w.apply(countersign.Change{Send: []countersign.Message{m}}))
		m.Tries = 1
		if d := cmp.Diff([]countersign.Message{m}, w.claim()); d != "" {
			t.Error(d)
		}
		if again := w.claim(); len(again) != 0 {
			t.Errorf("claimed twice: %v", again)
		}
		w.forward(time.Minute)
		if again := w.claim(); len(again) != 1 || again[0].Tries != 2 {
			t.Errorf("after the lease: %v", again)
		}
		w.must(w.db.RetryMessage(w.Context(), "msg_1", w.Now().Add(time.Hour), "451", false))
		w.forward(59 * time.Minute)
		if early := w.claim(); len(early) != 0 {
			t.Error("claimed before it was due")
		}
		w.forward(time.Minute)
		if len(w.claim()) != 1 {
			t.Error("not claimed when due")
		}
		w.must(w.db.FinishMessage(w.Context(), "msg_1", false))
		w.refused(w.db.FinishMessage(w.Context(), "msg_1", true), countersign.ErrNotFound, "finishing it twice")
		w.refused(w.db.RetryMessage(w.Context(), "msg_1", start, "", false), countersign.ErrNotFound, "retrying a sent one")
		w.forward(24 * time.Hour)
		if len(w.claim()) != 0 {
			t.Error("a sent message was claimed")
		}
		kept, err := w.db.Inbox(w.Context(), 10)
		if w.must(err); len(kept) != 0 {
			t.Errorf("contents were kept: %v", kept)
		}
	})
}

// What is written to nobody must look, and hold up the next request, as a letter does.
func TestAMessageToNobodyGoesTheSameWayAndLeavesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		m := countersign.Message{ID: "msg_1", Channel: "none", To: "nobody@example.com", Template: "recover", Data: map[string]string{"code": "12345678"}, CreatedAt: start}
		w.must(w.apply(countersign.Change{Send: []countersign.Message{m}}))
		m.Tries = 1
		if d := cmp.Diff([]countersign.Message{m}, w.claim()); d != "" {
			t.Error(d)
		}
		w.must(w.db.FinishMessage(w.Context(), "msg_1", true))
		kept, err := w.db.Inbox(w.Context(), 10)
		if w.must(err); len(kept) != 0 {
			t.Errorf("contents were kept: %v", kept)
		}
	})
}

// One row that cannot be read, as after a restore with a key too few, must not stop all mail.
func TestAMessageThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	everywhere(t, func(w *world) {
		for _, id := range []string{"msg_1", "msg_2"} {
			w.must(w.apply(countersign.Change{Send: []countersign.Message{{ID: id, Channel: "email", To: "ada@example.com", CreatedAt: start}}}))
		}
		_, err := w.raw().Exec(`UPDATE outbox SET data = $1 WHERE id = 'msg_1'`, []byte("not sealed"))
		w.must(err)
		if got := w.claim(); len(got) != 1 || got[0].ID != "msg_2" {
			t.Errorf("claimed %v", got)
		}
		if waiting, dead, err := w.db.Backlog(w.Context()); err != nil || dead != 1 || waiting != 1 {
			t.Errorf("%d waiting, %d dead, %v", waiting, dead, err)
		}
	})
}

func TestAReplyGivenBackIsReservedAgain(t *testing.T) {
	everywhere(t, func(w *world) {
		reserve := func() store.ReplyState {
			_, state, err := w.db.ReserveReply(w.Context(), "key", []byte("request"), time.Hour)
			w.must(err)
			return state
		}
		if first, second := reserve(), reserve(); first != store.ReplyNew || second != store.ReplyBusy {
			t.Fatal(first, second)
		}
		w.must(w.db.DropReply(w.Context(), "key"))
		if again := reserve(); again != store.ReplyNew {
			t.Errorf("after it was given back: %s", again)
		}
	})
}

func TestTheInboxShowsKeptMessagesNewestFirst(t *testing.T) {
	everywhere(t, func(w *world) {
		for _, id := range []string{"msg_1", "msg_2", "msg_3"} {
			w.must(w.apply(countersign.Change{Send: []countersign.Message{{ID: id, Channel: "email", To: id, CreatedAt: w.Now()}}}))
		}
		w.must(w.db.FinishMessage(w.Context(), "msg_2", true))
		w.forward(time.Second)
		w.must(w.db.FinishMessage(w.Context(), "msg_1", true))
		w.must(w.db.RetryMessage(w.Context(), "msg_3", start, "550", true))
		got, err := w.db.Inbox(w.Context(), 10)
		if w.must(err); len(got) != 2 || got[0].ID != "msg_1" || got[1].To != "msg_2" || !got[0].SentAt.Equal(w.Now()) {
			t.Errorf("got %+v", got)
		}
		waiting, dead, err := w.db.Backlog(w.Context())
		if w.must(err); waiting != 0 || dead != 1 {
			t.Errorf("%d wait, %d dead", waiting, dead)
		}
		if len(w.claim()) != 0 {
			t.Error("a dead message was claimed")
		}
	})
}

func TestOfManyWorkersEachMessageHasOne(t *testing.T) {
	everywhere(t, func(w *world) {
		var all []countersign.Message
		for range 20 {
			all = append(all, countersign.Message{ID: w.id("msg"), Channel: "sms", CreatedAt: start})
		}
		w.must(w.apply(countersign.Change{Send: all}))
		taken := make(chan string, 10000)
		w.race(func(db *store.DB, _ int) (bool, error) {
			got, err := db.ClaimMessages(w.Context(), time.Hour, 3)
			for _, m := range got {
				taken <- m.ID
			}
			return true, err
		})
		close(taken)
		seen := map[string]bool{}
		for id := range taken {
			if seen[id] {
				t.Errorf("%s was claimed twice", id)
			}
			seen[id] = true
		}
		if len(seen) != 20 {
			t.Errorf("%d of 20 were claimed", len(seen))
		}
	})
}

func TestAnIdempotencyKeyAnswersOnce(t *testing.T) {
	everywhere(t, func(w *world) {
		reserve := func(request string, want store.ReplyState, reply string) {
			t.Helper()
			kept, state, err := w.db.ReserveReply(w.Context(), "key", []byte(request), time.Hour)
			if w.must(err); state != want || string(kept) != reply {
				t.Errorf("got %s %q, want %s %q", state, kept, want, reply)
			}
		}
		reserve("a", store.ReplyNew, "")
		reserve("a", store.ReplyBusy, "")
		reserve("b", store.ReplyElse, "")
		w.must(w.db.KeepReply(w.Context(), "key", []byte("201")))
		w.refused(w.db.KeepReply(w.Context(), "key", []byte("500")), countersign.ErrNotFound, "another answer")
		reserve("a", store.ReplyKept, "201")
		reserve("b", store.ReplyElse, "")
		w.forward(time.Hour)
		reserve("b", store.ReplyNew, "")
		w.forward(time.Minute) // its server died
		reserve("b", store.ReplyNew, "")
	})
}

func TestSweepTakesWhatIsOverAndNothingElse(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		hour := start.Add(time.Hour)
		w.must(w.apply(countersign.Change{Session: w.session(i.ID), Attempt: &countersign.Attempt{ID: "att_1", Expires: hour},
			Challenge: &countersign.Challenge{Scope: "s", Method: "m", Tries: 1, Expires: hour},
			Send:      []countersign.Message{{ID: "msg_1", Channel: "email"}, {ID: "msg_2", Channel: "email"}, {ID: "msg_3", Channel: "none"}},
			End:       []countersign.End{{Identity: "idn_none"}}}))
		w.must(w.apply(countersign.Change{Challenge: &countersign.Challenge{Scope: store.SetupScope, Method: "m", Tries: 1, Expires: hour}}))
		w.must(w.db.FinishMessage(w.Context(), "msg_1", true))
		w.must(w.db.FinishMessage(w.Context(), "msg_3", true))
		w.count(1, countersign.Budget{Key: "g", Max: 5, Pause: time.Hour}, countersign.Budget{Key: "r", Max: 5, Per: time.Hour})
		_, _, err := w.db.ReserveReply(w.Context(), "key", nil, time.Hour)
		w.must(err)
		sweep := func(when string, want int) {
			t.Helper()
			n, err := w.db.Sweep(w.Context(), 100)
			if w.must(err); n != want {
				t.Errorf("%s: %d rows, want %d", when, n, want)
			}
		}
		sweep("at once", 0)
		w.forward(time.Hour)
		sweep("after an hour", 5) // attempt, challenge, rate, reply, feed
		w.forward(7 * 24 * time.Hour)
		sweep("after a week", 4) // session, guesses, two messages that are done
		w.forward(365 * 24 * time.Hour)
		sweep("after a year", 0) // the set-up link and the message that waits
		if got := w.claim(); len(got) != 1 {
			t.Error("the waiting message is gone")
		}
	})
}

func TestSweepKeepsToItsLimit(t *testing.T) {
	everywhere(t, func(w *world) {
		for range 5 {
			w.must(w.apply(countersign.Change{Attempt: &countersign.Attempt{ID: countersign.AttemptID(w.id("att")), Expires: start}}))
		}
		for _, want := range []int{2, 2, 1, 0} {
			if n, err := w.db.Sweep(w.Context(), 2); err != nil || n != want {
				t.Errorf("%d, %v; want %d", n, err, want)
			}
		}
	})
}
