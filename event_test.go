package countersign_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

var chainKey = []byte("key of the chain")

// full is an event with something in every field; setting is by reflection, so
// that a field that is added later is not forgotten.
func full(t *testing.T) countersign.Event {
	t.Helper()
	var e countersign.Event
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		set(t, v.Field(i), v.Type().Field(i).Name, "before")
	}
	return e
}

func set(t *testing.T, f reflect.Value, name, to string) {
	t.Helper()
	switch {
	case f.Type() == reflect.TypeFor[time.Time]():
		f.Set(reflect.ValueOf(noon.Add(time.Duration(len(to)) * time.Microsecond)))
	case f.Kind() == reflect.String:
		f.SetString(to)
	case f.Kind() == reflect.Map:
		f.Set(reflect.ValueOf(map[string]string{"purpose": to}))
	default:
		t.Fatalf("%s is a %s: say here how to change it", name, f.Type())
	}
}

func TestALinkCoversEveryFieldOfItsEvent(t *testing.T) {
	e := full(t)
	whole := e.Link(chainKey, "node", 1, nil)
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		was := reflect.ValueOf(v.Field(i).Interface())
		set(t, v.Field(i), name, "afterwards")
		if bytes.Equal(whole, e.Link(chainKey, "node", 1, nil)) {
			t.Errorf("another %s gives the same link", name)
		}
		v.Field(i).SetZero()
		if bytes.Equal(whole, e.Link(chainKey, "node", 1, nil)) {
			t.Errorf("no %s gives the same link", name)
		}
		v.Field(i).Set(was)
	}
	if !bytes.Equal(whole, e.Link(chainKey, "node", 1, nil)) {
		t.Error("the same event has another link")
	}
}

func TestALinkCoversItsPlaceInTheChain(t *testing.T) {
	e, prev := full(t), []byte("the link before")
	links := map[string][]byte{
		"as it was":                       e.Link(chainKey, "node", 2, prev),
		"under another key":               e.Link([]byte("another key"), "node", 2, prev),
		"in another chain":                e.Link(chainKey, "nod", 2, prev),
		"as another record":               e.Link(chainKey, "node", 3, prev),
		"after another record":            e.Link(chainKey, "node", 2, []byte("the link befor3")),
		"as the first":                    e.Link(chainKey, "node", 2, nil),
		"with the border moved":           e.Link(chainKey, "nodet", 2, prev[1:]),
		"with the border moved the other": e.Link(chainKey, "no", 2, append([]byte("de"), prev...)),
	}
	seen := map[string]string{}
	for what, link := range links {
		if len(link) != 32 {
			t.Errorf("%s: %d bytes", what, len(link))
		}
		if other, twice := seen[string(link)]; twice {
			t.Errorf("%s and %s: the same link", what, other)
		}
		seen[string(link)] = what
	}
}

// chain links events one after another.
func chain(list []countersign.Event) (links [][]byte) {
	var prev []byte
	for i, e := range list {
		prev = e.Link(chainKey, "node", int64(i+1), prev)
		links = append(links, prev)
	}
	return links
}

// The last link is what a checkpoint keeps: whatever happens before it must show there.
func TestWhatIsRemovedAddedMovedOrAlteredChangesTheEnd(t *testing.T) {
	var list []countersign.Event
	for i := range 5 {
		e := full(t)
		e.ID = fmt.Sprintf("evt_%d", i)
		list = append(list, e)
	}
	whole := chain(list)
	altered := slices.Clone(list)
	altered[1].Outcome = "ok"
	swapped := slices.Clone(list)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	for what, other := range map[string][]countersign.Event{
		"altered": altered, "moved": swapped, "removed": slices.Delete(slices.Clone(list), 2, 3),
		"added": slices.Insert(slices.Clone(list), 2, list[0]), "removed at the start": list[1:], "removed at the end": list[:4],
	} {
		if links := chain(other); bytes.Equal(links[len(links)-1], whole[len(whole)-1]) {
			t.Errorf("%s: the end is the same", what)
		}
	}
	if again := chain(list); !bytes.Equal(again[4], whole[4]) {
		t.Error("the same chain ends in another way")
	}
}

// A database gives back less than it was given: microseconds, and its own zone.
func TestALinkIsTheSameAfterTheDatabase(t *testing.T) {
	e := full(t)
	stored := e
	stored.At = e.At.In(time.FixedZone("elsewhere", 3600))
	e.At = e.At.Add(999 * time.Nanosecond)
	if !bytes.Equal(e.Link(chainKey, "node", 1, nil), stored.Link(chainKey, "node", 1, nil)) {
		t.Error("what was stored has another link")
	}
	e.At = e.At.Add(time.Nanosecond)
	if bytes.Equal(e.Link(chainKey, "node", 1, nil), stored.Link(chainKey, "node", 1, nil)) {
		t.Error("a microsecond later has the same link")
	}
}

// Who checks the record with another program goes by what Link says of its form.
func TestALinkIsMadeAsItsDocumentationSays(t *testing.T) {
	e := countersign.Event{ID: "evt_1", At: time.UnixMicro(1234567), Action: "a", Outcome: "ok", Subject: "idn_1", Detail: map[string]string{"z": "2", "y": ""}}
	text := "\x00\x00\x00\x00\x00\x00\x00\x02" + "\x00\x00\x00\x00\x00\x12\xd6\x87"
	for _, part := range []string{"chain", "before", "evt_1", "a", "ok", "", "", "idn_1", "", "", "", "", "", "", "y", "", "z", "2"} {
		text += "\x00\x00\x00\x00\x00\x00\x00" + string(rune(len(part))) + part
	}
	mac := hmac.New(sha256.New, chainKey)
	mac.Write([]byte(text))
	if !bytes.Equal(mac.Sum(nil), e.Link(chainKey, "chain", 2, []byte("before"))) {
		t.Error("it is made otherwise")
	}
}
