package session

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

// populate sets every field that it can reach, so that a new member of a type is in the test by itself.
func populate(v reflect.Value, text string) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 22, 5, 33, 28, 439015000, time.UTC)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"a": [1, "<"]}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(2)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for n := range v.Len() {
			populate(v.Index(n), text)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			populate(v.Field(n), text)
		}
	}
}

func same(t *testing.T, i countersign.Identity, s countersign.Session) {
	t.Helper()
	want, failed := json.Marshal(struct {
		Identity countersign.Identity `json:"identity"`
		Session  countersign.Session  `json:"session"`
	}{i, s})
	got, err := render(&i, &s)
	if (failed == nil) != (err == nil) {
		t.Fatalf("rendered: %v, encoding/json: %v", err, failed)
	}
	if err == nil && !bytes.Equal(got, append(want, '\n')) {
		t.Errorf("rendered\n%s, encoding/json says\n%s", got, want)
	}
}

func TestWhatIsRenderedIsWhatEncodingJSONWrites(t *testing.T) {
	for _, text := range []string{"", "ada", "Zoë", `a"b\c`, "<&>", "\x00\n\x7f\u2028", "\xff"} {
		var i countersign.Identity
		var s countersign.Session
		same(t, i, s)
		populate(reflect.ValueOf(&i).Elem(), text)
		populate(reflect.ValueOf(&s).Elem(), text)
		same(t, i, s)
	}
	elsewhere := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	same(t, countersign.Identity{CreatedAt: elsewhere}, countersign.Session{ExpiresAt: elsewhere.UTC()})
	same(t, countersign.Identity{CreatedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, countersign.Session{})
	same(t, countersign.Identity{Metadata: json.RawMessage("{")}, countersign.Session{})
	same(t, countersign.Identity{Metadata: json.RawMessage("{}"), Roles: []string{}}, countersign.Session{Methods: []string{}})
}

func FuzzRender(f *testing.F) {
	f.Add("ada", "Zoë <&>", int64(0), []byte(`{"a":1}`))
	f.Add("\xff\u2028", `"\`, int64(-1), []byte(`null`))
	f.Fuzz(func(t *testing.T, a, b string, at int64, raw []byte) {
		i := countersign.Identity{ID: countersign.IdentityID(a), Name: b, Username: &a, Emails: []countersign.Email{{Address: b}}, Flags: []string{a, b}, Metadata: raw,
			CreatedAt: time.Unix(at, 0).UTC()}
		same(t, i, countersign.Session{Methods: []string{b}, LastSeenAt: time.UnixMicro(at).UTC(), Device: countersign.Device{Name: a, Place: b}})
	})
}
