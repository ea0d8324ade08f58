package notify_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/notify"
)

// outbox keeps the promises of notify.Outbox in memory.
type outbox struct {
	mu     sync.Mutex
	rows   []*row
	broken error // what every call answers, when set
}

type row struct {
	countersign.Message
	due      time.Time
	dead     bool
	reason   string
	claimed  int
	finished int
}

func (o *outbox) put(messages ...countersign.Message) *outbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.rows = append(o.rows, &row{Message: m, due: m.CreatedAt})
	}
	return o
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = err
}

func (o *outbox) ClaimMessages(_ context.Context, now time.Time, lease time.Duration, limit int) ([]countersign.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var claimed []countersign.Message
	for _, r := range o.rows {
		if len(claimed) == limit || r.dead || !r.SentAt.IsZero() || r.due.After(now) {
			continue
		}
		r.due = now.Add(lease)
		r.Tries++
		r.claimed++
		claimed = append(claimed, r.Message)
	}
	return claimed, o.broken
}

func (o *outbox) FinishMessage(_ context.Context, id string, at time.Time) error {
	return o.change(id, func(r *row) { r.SentAt = at; r.finished++ })
}

func (o *outbox) RetryMessage(_ context.Context, id string, next time.Time, reason string, dead bool) error {
	return o.change(id, func(r *row) { r.due, r.reason, r.dead = next, reason, dead })
}

func (o *outbox) change(id string, what func(*row)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.rows {
		if r.ID == id && o.broken == nil {
			what(r)
		}
	}
	return o.broken
}

// Inbox lists what was sent, newest first.
func (o *outbox) Inbox(_ context.Context, limit int) ([]countersign.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var sent []countersign.Message
	for _, r := range o.rows {
		if !r.SentAt.IsZero() {
			sent = append(sent, r.Message)
		}
	}
	slices.SortStableFunc(sent, func(a, b countersign.Message) int { return cmp.Compare(b.SentAt.UnixNano(), a.SentAt.UnixNano()) })
	return sent[:min(limit, len(sent))], o.broken
}

func (o *outbox) row(i int) row {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *o.rows[i]
}

// post is a Sender that answers as told, and remembers when it was asked.
type post struct {
	mu     sync.Mutex
	answer func(ctx context.Context, try int) error
	asked  []time.Time
	ids    []string
}

func (p *post) Send(ctx context.Context, r notify.Rendered) error {
	p.mu.Lock()
	p.asked, p.ids = append(p.asked, time.Now()), append(p.ids, r.ID)
	try := len(p.asked)
	p.mu.Unlock()
	if p.answer == nil {
		return nil
	}
	return p.answer(ctx, try)
}

func (p *post) tries() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.asked) }

// fresh is n messages that are due now.
func fresh(n int) []countersign.Message {
	var list []countersign.Message
	for i := range n {
		m := message("recover", map[string]string{"code": "12345678", "link": "/recover?t=secret-token"})
		m.ID, m.CreatedAt = fmt.Sprintf("msg_%d", i), time.Now()
		list = append(list, m)
	}
	return list
}

func newWorker(t testing.TB, o *outbox, s notify.Sender) *notify.Worker {
	return &notify.Worker{Outbox: o, Letters: letters(t), Sender: s, Chance: func() float64 { return 0.5 }}
}

// pass lets time go by on the fake clock of a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

// working runs a worker until stop is called, which waits for it.
func working(t testing.TB, w *notify.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func TestEachMessageIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := new(outbox).put(fresh(50)...), &post{}
		// Two workers, as on two servers.
		one, two := newWorker(t, o, p), newWorker(t, o, p)
		stopOne, stopTwo := working(t, one), working(t, two)
		pass(time.Second)
		synctest.Wait()
		stopOne()
		stopTwo()
		slices.Sort(p.ids)
		if n := len(slices.Compact(p.ids)); n != 50 || p.tries() != 50 {
			t.Errorf("%d letters for %d messages", p.tries(), n)
		}
		for i := range 50 {
			if r := o.row(i); r.finished != 1 {
				t.Errorf("%s was noted as sent %d times", r.ID, r.finished)
			}
		}
		if n := one.Stats().Sent + two.Stats().Sent; n != 50 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestAFewAreSentAtOnceAndNotMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(9)...)
		p := &post{answer: func(context.Context, int) error { pass(10 * time.Second); return nil }}
		w := newWorker(t, o, p)
		stop := working(t, w)
		synctest.Wait()
		if n := p.tries(); n != 4 || w.Stats().UnderWay != 4 {
			t.Errorf("%d under way, counted %d", n, w.Stats().UnderWay)
		}
		pass(21 * time.Second)
		if n := p.tries(); n != 9 {
			t.Errorf("%d sent of 9", n)
		}
		pass(10 * time.Second)
		stop()
	})
}

func TestAWokenWorkerDoesNotWaitForTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &outbox{}, &post{}
		w := newWorker(t, o, p)
		w.Wake() // before Run, as a request may be quicker
		stop := working(t, w)
		defer stop()
		pass(300 * time.Millisecond)
		o.put(fresh(1)...)
		w.Wake()
		w.Wake()
		synctest.Wait()
		if p.tries() != 1 {
			t.Fatal("the message still waits")
		}
		o.put(fresh(2)[1])
		pass(time.Second)
		synctest.Wait()
		if p.tries() != 2 {
			t.Error("a message that nobody spoke of is not found within a second")
		}
	})
}

func TestTriesSpreadOutUntilThreeDaysAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		p := &post{answer: func(context.Context, int) error { return errors.New("451 later") }}
		w := newWorker(t, o, p)
		start := time.Now()
		stop := working(t, w)
		pass(4 * 24 * time.Hour)
		stop()
		var at []string
		for _, a := range p.asked[:11] {
			at = append(at, a.Sub(start).Round(time.Minute).String())
		}
		want := []string{"0s", "1m0s", "3m0s", "7m0s", "15m0s", "31m0s", "1h3m0s", "2h7m0s", "4h15m0s", "8h31m0s", "14h31m0s"}
		if diff := gocmp.Diff(want, at); diff != "" {
			t.Error(diff)
		}
		last := p.asked[len(p.asked)-1].Sub(start)
		if last > 72*time.Hour || last < 66*time.Hour {
			t.Errorf("the last try was after %v", last)
		}
		if r := o.row(0); !r.dead || r.reason != "451 later" || w.Stats().Dead != 1 || w.Stats().Retried != uint64(p.tries()-1) {
			t.Errorf("dead: %t, because %q; %+v", r.dead, r.reason, w.Stats())
		}
	})
}

func TestWhatCannotBeSentIsDeadAtOnceAndTellsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := fresh(2)
		list[1].To = "ada@example.com\r\nBcc: all@example.com"
		o := new(outbox).put(list...)
		p := &post{answer: func(context.Context, int) error {
			return fmt.Errorf("550 <ada@example.com> refused\r\n12345678 /recover?t=secret-token: %w", notify.ErrPermanent)
		}}
		var log bytes.Buffer
		w := newWorker(t, o, p)
		w.Log = slog.New(slog.NewTextHandler(&log, nil))
		stop := working(t, w)
		pass(24 * time.Hour)
		stop()
		if p.tries() != 1 || !o.row(0).dead || !o.row(1).dead {
			t.Errorf("tried %d times; dead: %t, %t", p.tries(), o.row(0).dead, o.row(1).dead)
		}
		if got, want := o.row(0).reason, "550 <(reader)> refused  (code) (link): cannot be sent at all"; got != want {
			t.Errorf("the reason is %q, want %q", got, want)
		}
		for _, secret := range []string{"ada@", "12345678", "secret-token"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log shows %q:\n%s", secret, log.String())
			}
		}
	})
}

func TestAKilledWorkersMessageComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		if m, _ := o.ClaimMessages(t.Context(), time.Now(), 5*time.Minute, 1); len(m) != 1 {
			t.Fatal("nothing to claim")
		} // and then it was killed
		p := &post{}
		stop := working(t, newWorker(t, o, p))
		pass(4 * time.Minute)
		if p.tries() != 0 {
			t.Error("sent while another may be sending")
		}
		pass(2 * time.Minute)
		stop()
		if p.tries() != 1 || o.row(0).finished != 1 {
			t.Errorf("sent %d times", p.tries())
		}
	})
}

func TestWhatIsUnderWayEndsBeforeTheWorkerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(6)...)
		p := &post{answer: func(context.Context, int) error { pass(5 * time.Second); return nil }}
		stop := working(t, newWorker(t, o, p))
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took != 5*time.Second || p.tries() != 4 {
			t.Errorf("%d sent, stopped after %v", p.tries(), took)
		}
		if o.row(3).finished != 1 || o.row(4).claimed != 0 {
			t.Errorf("the fourth was finished %d times, the fifth claimed %d times", o.row(3).finished, o.row(4).claimed)
		}
	})
}

func TestWhatDoesNotEndIsBrokenOffAndDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		p := &post{answer: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		stop := working(t, newWorker(t, o, p))
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if r := o.row(0); r.dead || r.due.After(time.Now()) {
			t.Errorf("due in %v, dead: %t", time.Until(r.due), r.dead)
		}
	})
}

func TestAnOutcomeIsNotedOnceTheStoreIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		p := &post{}
		p.answer = func(context.Context, int) error { o.fail(errors.New("database is locked")); return nil }
		w := newWorker(t, o, p)
		stop := working(t, w)
		pass(10 * time.Second)
		o.fail(nil)
		pass(10 * time.Minute) // the lease is long over
		stop()
		if p.tries() != 1 || o.row(0).finished != 1 || w.Stats().OutboxErrors == 0 {
			t.Errorf("sent %d times, noted %d times, %+v", p.tries(), o.row(0).finished, w.Stats())
		}
	})
}

func TestAMessageThatWaitsNoMoreIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		p := &post{answer: func(context.Context, int) error { o.fail(countersign.ErrNotFound); return nil }}
		w := newWorker(t, o, p)
		stop := working(t, w)
		synctest.Wait()
		if n := w.Stats().UnderWay; n != 0 {
			t.Error("the worker insists on an outcome that another has noted")
		}
		o.fail(nil)
		stop()
	})
}

func TestAStoreThatIsGoneDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(1)...)
		p := &post{answer: func(context.Context, int) error { o.fail(errors.New("gone")); return nil }}
		stop := working(t, newWorker(t, o, p))
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("stopped after %v", took)
		}
	})
}

func TestMessagesForNobodyAreDoneWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := fresh(1)
		list[0].Channel = "none"
		o, p := new(outbox).put(list...), &post{}
		w := newWorker(t, o, p)
		stop := working(t, w)
		synctest.Wait()
		stop()
		if p.tries() != 0 || o.row(0).finished != 1 || w.Stats().Sent != 0 {
			t.Errorf("sent %d times, noted %d times", p.tries(), o.row(0).finished)
		}
	})
}

// TestLettersReachARealServer joins the parts: a refusal for now, then success,
// and a refusal for good, over real connections.
func TestLettersReachARealServer(t *testing.T) {
	s := startMailServer(t, &mailServer{script: map[string][]string{"RCPT": {"451 4.7.1 greylisted"}, "MIDDLE": {"cut"}}})
	o := told{new(outbox).put(fresh(1)...), make(chan string, 1)}
	w := newWorker(t, nil, dial(t, s, s.url("smtp", "", "")))
	w.Outbox = o
	clock := time.Now()
	w.Now = func() time.Time { return clock }
	for _, want := range []string{"retry", "retry", "finish"} {
		stop := working(t, w)
		if got := <-o.outcome; got != want {
			t.Errorf("got %s, want %s: %s", got, want, o.row(0).reason)
		}
		stop()
		clock = clock.Add(time.Hour)
	}
	got := s.taken()
	if len(got) != 1 || !strings.Contains(got[0].data, "Message-ID: <msg_0@id.example.com>") || o.row(0).finished != 1 {
		t.Errorf("the server took %d letters", len(got))
	}
}

// told is an outbox that says when an outcome was noted.
type told struct {
	*outbox
	outcome chan string
}

func (o told) FinishMessage(ctx context.Context, id string, at time.Time) error {
	defer func() { o.outcome <- "finish" }()
	return o.outbox.FinishMessage(ctx, id, at)
}

func (o told) RetryMessage(ctx context.Context, id string, next time.Time, reason string, dead bool) error {
	defer func() { o.outcome <- "retry" }()
	return o.outbox.RetryMessage(ctx, id, next, reason, dead)
}
