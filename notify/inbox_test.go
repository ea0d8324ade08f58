package notify_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/notify"
)

func TestTheInboxShowsWhatTheSinkTookNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(outbox).put(fresh(3)...)
		o.rows[1].Channel = "none"
		o.rows[2].due = time.Now().Add(time.Minute)
		stop := working(t, newWorker(t, o, notify.Sink{}))
		pass(2 * time.Minute)
		stop()
		items, err := notify.Inbox{Letters: letters(t), Outbox: o}.Items(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != 2 || !items[0].SentAt.After(items[1].SentAt) {
			t.Fatalf("got %d items", len(items))
		}
		text, err := json.Marshal(items[0])
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]string
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(fields["text"], "12345678") || !strings.Contains(fields["html"], "<!doctype html>") {
			t.Errorf("the letter is not whole: %s", text)
		}
		delete(fields, "text")
		delete(fields, "html")
		want := map[string]string{
			"channel": "email", "to": "ada@example.com", "subject": "Your Acme & Söhne code: 1234 5678",
			"sent_at": items[0].SentAt.UTC().Format(time.RFC3339Nano),
		}
		if diff := gocmp.Diff(want, fields); diff != "" {
			t.Error(diff)
		}
	})
}

// A text message has no subject; its first line stands in, so that the list has a heading.
func TestTheInboxShowsTextMessages(t *testing.T) {
	m := smsCode()
	m.SentAt = m.CreatedAt
	items, err := notify.Inbox{Letters: letters(t), Outbox: new(outbox).put(m)}.Items(t.Context(), 10)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	want := notify.Item{
		Channel: "sms", To: "+33612345678", Subject: "123456 is your code for Acme & Söhne. It works for 10 minutes. Give it to nobody.",
		Text: shortOne(t).Text, SentAt: m.SentAt,
	}
	if diff := gocmp.Diff(want, items[0]); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyInboxIsAnEmptyList(t *testing.T) {
	items, err := notify.Inbox{Letters: letters(t), Outbox: &outbox{}}.Items(t.Context(), 10)
	if text, _ := json.Marshal(items); err != nil || string(text) != "[]" {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestAnInboxThatCannotBeReadSaysSo(t *testing.T) {
	gone := errors.New("gone")
	o := &outbox{broken: gone}
	if _, err := (notify.Inbox{Letters: letters(t), Outbox: o}).Items(t.Context(), 10); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
