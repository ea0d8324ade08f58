package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/notify"
)

const (
	newSecret = "whsec_bmV3LXNlY3JldC1vZi10aGlydHktdHdvLWJ5dGVzLi4="
	oldSecret = "whsec_b2xkLXNlY3JldC1vZi10aGlydHktdHdvLWJ5dGVzLi4="
)

// verified says whether one of the signatures is right, as a receiver finds out
// by Standard Webhooks.
func verified(secret, id, at, signatures string, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, id+"."+at+"."+string(body))
	return slices.Contains(strings.Fields(signatures), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// The receiver of these tests agrees with an example that was made elsewhere.
func TestTheReceiverIsRight(t *testing.T) {
	if !verified("whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", "1731705121", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=", []byte(`{"event_type":"ping","data":{"success":true}}`)) {
		t.Error("the known signature is not accepted")
	}
}

type call struct {
	head http.Header
	body []byte
}

// startHook takes messages and answers with the next status.
func startHook(t testing.TB, statuses ...int) (address string, calls chan call) {
	calls = make(chan call, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.Header, body}
		status := 204
		if len(statuses) > 0 {
			status, statuses = statuses[0], statuses[1:]
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

func TestAHookGetsTheMessageSigned(t *testing.T) {
	address, calls := startHook(t, 200, 202, 204)
	at := time.Date(2026, 11, 22, 2, 26, 7, 0, time.UTC)
	hook, err := notify.NewHook(notify.HookOptions{URL: address, Secrets: []string{newSecret, oldSecret}, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	short := shortOne(t)
	for _, r := range []notify.Rendered{short, rendered(t)} {
		if err := hook.Send(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		c := <-calls
		id, stamp, signatures := c.head.Get("webhook-id"), c.head.Get("webhook-timestamp"), c.head.Get("webhook-signature")
		if id != r.ID || stamp != strconv.FormatInt(at.Unix(), 10) || c.head.Get("Content-Type") != "application/json" {
			t.Errorf("%s at %s, %s", id, stamp, c.head.Get("Content-Type"))
		}
		for _, secret := range []string{newSecret, oldSecret} {
			if !verified(secret, id, stamp, signatures, c.body) {
				t.Errorf("%q is not signed with one of the secrets", signatures)
			}
			if verified(secret, id, stamp, signatures, append(c.body, ' ')) || verified(secret, id+"x", stamp, signatures, c.body) || verified(secret, id, stamp+"0", signatures, c.body) {
				t.Error("the signature does not cover everything")
			}
		}
		var got map[string]string
		if err := json.Unmarshal(c.body, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"id": r.ID, "channel": r.Channel, "to": r.To, "template": r.Template, "locale": "en", "text": r.Text}
		if r.Channel == "email" {
			want["subject"], want["html"] = r.Subject, r.HTML
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAMessageThatIsTriedAgainHasTheSameIDAndANewTime(t *testing.T) {
	address, calls := startHook(t, 500, 200)
	at := time.Unix(1_800_000_000, 0)
	hook, err := notify.NewHook(notify.HookOptions{URL: address, Secrets: []string{newSecret}, Now: func() time.Time { at = at.Add(time.Minute); return at }})
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Send(t.Context(), shortOne(t)); err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a 500 is %v", err)
	}
	if err := hook.Send(t.Context(), shortOne(t)); err != nil {
		t.Error(err)
	}
	first, second := <-calls, <-calls
	if first.head.Get("webhook-id") != second.head.Get("webhook-id") || first.head.Get("webhook-timestamp") == second.head.Get("webhook-timestamp") {
		t.Errorf("%v, then %v", first.head, second.head)
	}
}

func TestAHooksRefusalIsForGoodWhereItSpeaksOfTheMessage(t *testing.T) {
	for status, permanent := range map[int]bool{
		400: true, 409: true, 410: true, 413: true, 422: true, 401: false, 403: false, 404: false, 408: false, 425: false, 429: false, 500: false, 503: false,
	} {
		address, _ := startHook(t, status)
		err := senders(t, address, nil)["hook"].Send(t.Context(), shortOne(t))
		if err == nil || errors.Is(err, notify.ErrPermanent) != permanent {
			t.Errorf("%d: %v", status, err)
		}
		noSecret(t, strconv.Itoa(status), err)
	}
}

func TestAHooksOptionsMustMakeSense(t *testing.T) {
	good := notify.HookOptions{URL: "https://hook.example/hook-path-secret", Secrets: []string{newSecret}}
	if _, err := notify.NewHook(good); err != nil {
		t.Fatal(err)
	}
	for say, o := range map[string]notify.HookOptions{
		"no address":            {Secrets: good.Secrets},
		"plain HTTP":            {URL: "http://hook.example/hook-path-secret", Secrets: good.Secrets},
		"almost this machine":   {URL: "http://localhost.example/hook-path-secret", Secrets: good.Secrets},
		"another scheme":        {URL: "ftp://localhost/hook-path-secret", Secrets: good.Secrets},
		"a password":            {URL: "https://me:hook-path-secret@hook.example", Secrets: good.Secrets},
		"no secret":             {URL: good.URL},
		"an empty secret":       {URL: good.URL, Secrets: []string{""}},
		"nothing in the secret": {URL: good.URL, Secrets: []string{"whsec_"}},
		"a short secret":        {URL: good.URL, Secrets: []string{"whsec_c2hvcnQ="}},
		"no base64":             {URL: good.URL, Secrets: []string{newSecret + "!"}},
		"no mark":               {URL: good.URL, Secrets: []string{strings.TrimPrefix(newSecret, "whsec_")}},
		"one good, one not":     {URL: good.URL, Secrets: []string{newSecret, "whsec_x"}},
	} {
		_, err := notify.NewHook(o)
		if err == nil {
			t.Errorf("%s was accepted", say)
		} else if strings.Contains(err.Error(), "hook-path-secret") || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%s: the error shows a secret: %v", say, err)
		}
	}
	for _, address := range []string{"http://localhost:1/x", "http://127.0.0.1:1/x", "http://[::1]:1/x"} {
		if _, err := notify.NewHook(notify.HookOptions{URL: address, Secrets: good.Secrets}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnIDThatWouldMoveTheSignatureIsNotSent(t *testing.T) {
	address, calls := startHook(t)
	for _, id := range []string{"", "msg.1", "msg 1", "msg\r\nX: y"} {
		r := shortOne(t)
		r.ID = id
		if err := senders(t, address, nil)["hook"].Send(t.Context(), r); !errors.Is(err, notify.ErrPermanent) || len(calls) != 0 {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestEachChannelHasItsSender(t *testing.T) {
	mail, sms := &post{}, &post{}
	c := notify.Channels{"email": mail, "sms": sms}
	if err := c.Send(t.Context(), rendered(t)); err != nil || mail.tries() != 1 || sms.tries() != 0 {
		t.Errorf("%v; mail %d, sms %d", err, mail.tries(), sms.tries())
	}
	if err := c.Send(t.Context(), shortOne(t)); err != nil || mail.tries() != 1 || sms.tries() != 1 {
		t.Errorf("%v; mail %d, sms %d", err, mail.tries(), sms.tries())
	}
	delete(c, "sms")
	if err := c.Send(t.Context(), shortOne(t)); err == nil || errors.Is(err, notify.ErrPermanent) || mail.tries() != 1 {
		t.Errorf("without a way to send: %v", err)
	}
}

func TestTheWorkerComesBackWhenItWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := fresh(1)
		o := new(outbox).put(list...)
		p := &post{answer: func(context.Context, int) error { return &notify.Later{After: 5 * time.Second, Err: errors.New("429")} }}
		w := newWorker(t, o, p)
		start := time.Now()
		stop := working(t, w)
		pass(20 * time.Minute)
		stop()
		var at []string
		for _, a := range p.asked {
			at = append(at, a.Sub(start).Round(time.Second).String())
		}
		// Five seconds three times; who still says so is believed no more.
		if diff := cmp.Diff([]string{"0s", "5s", "10s", "15s", "8m15s"}, at); diff != "" {
			t.Error(diff)
		}
		p.answer = func(context.Context, int) error {
			return &notify.Later{After: 1000 * time.Hour, Err: errors.New("503")}
		}
		stop = working(t, w)
		pass(30 * time.Minute)
		stop()
		if r := o.row(0); r.dead || time.Until(r.due) > 6*time.Hour {
			t.Errorf("due in %v, dead: %t", time.Until(r.due), r.dead)
		}
	})
}

func TestATextMessageThatWouldComeTooLateIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []countersign.Message
		for i, m := range []countersign.Message{smsCode(), fresh(1)[0]} {
			m.ID, m.CreatedAt = "msg_"+strconv.Itoa(i), time.Now()
			m.Data["expires"] = time.Now().Add(10 * time.Minute).Format(time.RFC3339)
			list = append(list, m)
		}
		o := new(outbox).put(list...)
		p := &post{answer: func(context.Context, int) error { return errors.New("500") }}
		stop := working(t, newWorker(t, o, p))
		pass(time.Hour)
		stop()
		sms, mail := 0, 0
		for _, id := range p.ids {
			if id == "msg_0" {
				sms++
			} else {
				mail++
			}
		}
		// At 0, 1, 3 and 7 minutes; at 15 the code has expired. Mail goes on at 15 and 31.
		if !o.row(0).dead || sms != 4 || o.row(1).dead || mail != 6 {
			t.Errorf("the text message was tried %d times, dead: %t (%s); the mail %d times", sms, o.row(0).dead, o.row(0).reason, mail)
		}
	})
}
