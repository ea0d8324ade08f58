package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	parallel = 4               // letters under way at once
	lease    = 2 * time.Minute // how long a claim holds; longer than Send and noting it may take
	poll     = time.Second     // how often the outbox is looked into unasked
	giveUp   = 72 * time.Hour  // after which a letter is dead
	firstTry = time.Minute     // to the second try; doubles each time
	longest  = 6 * time.Hour   // between two tries
	drain    = 8 * time.Second // what is under way may still end when told to stop
)

// Outbox is what the worker needs of the store.
type Outbox interface {
	// ClaimMessages takes up to limit messages that are due at now and not
	// claimed, oldest first, adds one to their Tries and keeps them from every
	// other claim until now + lease: one whose worker was killed comes back.
	ClaimMessages(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]countersign.Message, error)
	// FinishMessage notes that a message was sent. It is claimed never again.
	// ErrNotFound, here and below, says that it waits no more.
	FinishMessage(ctx context.Context, id string, at time.Time) error
	// RetryMessage makes a message due again at next, or never when dead. The
	// reason is for the operator; it holds no secret and no full address.
	RetryMessage(ctx context.Context, id string, next time.Time, reason string, dead bool) error
}

// Worker empties the outbox. Several, on several servers, may share one: a claim
// gives each message to one of them.
type Worker struct {
	Outbox  Outbox
	Letters *Letters
	Sender  Sender
	Now     func() time.Time // nil for time.Now
	Chance  func() float64   // from 0 to 1, to spread the tries; nil for math/rand/v2
	Log     *slog.Logger     // nil for none

	once  sync.Once
	woken chan struct{}
	count struct{ sent, retried, dead, outbox atomic.Uint64 }
	busy  atomic.Int64
}

// Stats counts what a worker did since it started.
type Stats struct {
	Sent, Retried, Dead uint64
	OutboxErrors        uint64 // times the store could not be read or written
	UnderWay            int64  // now
}

// Stats may be called at any time.
func (w *Worker) Stats() Stats {
	return Stats{
		Sent: w.count.sent.Load(), Retried: w.count.retried.Load(), Dead: w.count.dead.Load(),
		OutboxErrors: w.count.outbox.Load(), UnderWay: w.busy.Load(),
	}
}

// Wake tells the worker that a message has just been stored, so that a code is
// on its way at once. It never blocks; calls while the worker is busy are one.
func (w *Worker) Wake() {
	w.prepare()
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. It then claims nothing more, gives what is under way
// up to 8 s to end, and returns; what did not end by then comes back when its
// lease is over.
func (w *Worker) Run(ctx context.Context) {
	w.prepare()
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	slots := make(chan struct{}, parallel)
	var under sync.WaitGroup
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if w.claim(ctx, sending, slots, &under) {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-w.woken:
		case <-tick.C:
		}
	}
	timer := time.AfterFunc(drain, stop)
	defer timer.Stop()
	under.Wait()
}

// claim starts as many messages as there are free slots, so that no claimed
// message waits while its lease runs. It reports whether to look again at once.
func (w *Worker) claim(ctx, sending context.Context, slots chan struct{}, under *sync.WaitGroup) bool {
	free := cap(slots) - len(slots)
	if free == 0 {
		return false // whoever ends wakes us
	}
	messages, err := w.Outbox.ClaimMessages(ctx, w.now(), lease, free)
	if err != nil {
		if ctx.Err() == nil {
			w.count.outbox.Add(1)
			w.warn("outbox cannot be read", "err", err)
		}
		return false
	}
	for _, m := range messages {
		slots <- struct{}{}
		w.busy.Add(1)
		under.Go(func() {
			w.deliver(sending, m)
			w.busy.Add(-1)
			<-slots
			w.Wake()
		})
	}
	return len(messages) == free && len(slots) < cap(slots)
}

// deliver tries one message once and notes what came of it.
func (w *Worker) deliver(ctx context.Context, m countersign.Message) {
	// "none" was stored for the sake of equal timing: there is nobody to write to, and
	// so that it takes as long it is rendered.
	if m.Channel == "none" {
		if _, err := w.Letters.Render(m); err != nil {
			w.warn("a message to nobody cannot be made", "message", m.ID, "template", m.Template)
		}
	} else {
		if err := w.send(ctx, m); err != nil {
			w.postpone(ctx, m, err)
			return
		}
		w.count.sent.Add(1)
	}
	w.note(ctx, func(ctx context.Context) error { return w.Outbox.FinishMessage(ctx, m.ID, w.now()) })
}

func (w *Worker) send(ctx context.Context, m countersign.Message) error {
	r, err := w.Letters.Render(m)
	if err != nil {
		return err
	}
	// Mail that comes late tells at least that somebody asked. A text message costs money.
	if t, err := time.Parse(time.RFC3339, m.Data["expires"]); err == nil && m.Channel != "email" && !w.now().Before(t) {
		return fmt.Errorf("notify: what it brings has expired: %w", ErrPermanent)
	}
	return w.Sender.Send(ctx, r)
}

// postpone notes that a message was not sent, and when it is tried again. One
// that we broke off ourselves, because we are told to stop, is due at once: for
// another server, or for the next start.
func (w *Worker) postpone(ctx context.Context, m countersign.Message, err error) {
	next := w.now().Add(w.wait(m.Tries, err))
	if ctx.Err() != nil {
		next = w.now()
	}
	dead := errors.Is(err, ErrPermanent) || next.Sub(m.CreatedAt) > giveUp
	reason := scrub(err.Error(), m)
	if dead {
		w.count.dead.Add(1)
		w.warn("message is dead", "message", m.ID, "template", m.Template, "tries", m.Tries, "reason", reason)
	} else {
		w.count.retried.Add(1)
		w.warn("message waits", "message", m.ID, "template", m.Template, "tries", m.Tries, "next", next, "reason", reason)
	}
	w.note(ctx, func(ctx context.Context) error { return w.Outbox.RetryMessage(ctx, m.ID, next, reason, dead) })
}

// note writes the outcome, and insists: a letter that was sent and not noted is
// sent again when its lease is over. When we are told to stop, it has a second left.
func (w *Worker) note(sending context.Context, write func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(sending), 30*time.Second)
	defer cancel()
	defer context.AfterFunc(sending, func() { time.AfterFunc(time.Second, cancel) })()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write(ctx)
		if err == nil || errors.Is(err, countersign.ErrNotFound) {
			return
		}
		w.count.outbox.Add(1)
		select {
		case <-ctx.Done():
			w.warn("outcome of a message cannot be noted", "err", err)
			return
		case <-time.After(wait):
		}
	}
}

// wait is the time to the next try: what the other side asked for, if it did. One
// that asks again and again is not believed to mean less than our own measure.
func (w *Worker) wait(tries int, err error) time.Duration {
	var told *Later
	if !errors.As(err, &told) || told.After <= 0 {
		return w.backOff(tries)
	}
	after := min(told.After, longest)
	if tries > 3 {
		after = max(after, w.backOff(tries))
	}
	return after
}

// backOff is the time to the next try after so many: a minute, doubled each
// time, up to six hours, and by chance a fifth more or less, so that what failed
// together does not come back together.
func (w *Worker) backOff(tries int) time.Duration {
	chance := rand.Float64
	if w.Chance != nil {
		chance = w.Chance
	}
	d := longest
	if tries <= 9 { // 2^8 minutes is the last power below six hours
		d = firstTry << max(0, tries-1)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*chance()))
}

// scrub makes an error fit to be kept: mail servers like to repeat the address
// that they refuse, and now and then the letter.
func scrub(reason string, m countersign.Message) string {
	for name, secret := range map[string]string{"reader": m.To, "code": m.Data["code"], "link": m.Data["link"]} {
		if secret != "" {
			reason = strings.ReplaceAll(reason, secret, "("+name+")")
		}
	}
	return clean(reason, 300)
}

func (w *Worker) prepare() {
	w.once.Do(func() { w.woken = make(chan struct{}, 1) })
}

func (w *Worker) now() time.Time {
	if w.Now == nil {
		return time.Now()
	}
	return w.Now()
}

func (w *Worker) warn(what string, args ...any) {
	if w.Log != nil {
		w.Log.Warn("notify: "+what, args...)
	}
}
