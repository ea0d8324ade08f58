package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonx "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

// populate sets every field that it can reach, so that a new member of a type is in the test by itself.
func populate(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 22, 5, 33, 28, 439015781, time.UTC)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"a":[1,{"b":"}\""}],"c":null}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("zoë@example.com")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for n := range v.Len() {
			populate(v.Index(n))
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).Tag.Get("json") != "-" {
				populate(v.Field(n))
			}
		}
	}
}

func whole() (i countersign.Identity) {
	populate(reflect.ValueOf(&i).Elem())
	return i
}

func written(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What the store writes must be read without the general reader, or every check pays for it.
func TestTheCursorReadsWhatTheStoreWrites(t *testing.T) {
	none := []string{}
	for name, i := range map[string]countersign.Identity{
		"everything": whole(),
		"nothing":    {},
		"empty":      {Emails: []countersign.Email{}, Phones: []countersign.Phone{}, Flags: none, Roles: none, Metadata: json.RawMessage("{}")},
	} {
		got, ok := ownIdentity(written(t, i))
		if diff := cmp.Diff(i, got); !ok || diff != "" {
			t.Errorf("%s: read %v: %s", name, ok, diff)
		}
	}
	var d countersign.Device
	populate(reflect.ValueOf(&d).Elem())
	for _, methods := range [][]string{nil, {}, {"password"}, {"password", "totp"}} {
		m, got, ok := ownPass(written(t, methods), written(t, d))
		if diff := cmp.Diff(methods, m); !ok || diff != "" || got != d {
			t.Errorf("%v: read %v: %s, %v", methods, ok, diff, got)
		}
	}
}

// What it does not know by heart is still read, and what is broken is still refused.
func TestTheGeneralReaderHasTheRest(t *testing.T) {
	i := whole()
	i.Name = `Robert "Bob" <tables>`
	for name, document := range map[string]string{
		"escapes":       written(t, i),
		"another order": `{"name":"Ada","id":"idn_1"}`,
		"a new member":  `{"id":"idn_1","nickname":"Bob"}`,
		"white space":   `{ "id": "idn_1" }`,
		"nothing":       `{}`,
	} {
		want, want2 := countersign.Identity{}, jsonx.Unmarshal([]byte(document), new(countersign.Identity))
		if err := jsonx.Unmarshal([]byte(document), &want); err != nil || want2 != nil {
			t.Fatal(name, err, want2)
		}
		if _, ok := ownIdentity(document); ok {
			t.Errorf("%s: the cursor took it", name)
		}
		got, err := readIdentity(document)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for _, document := range []string{``, `{`, `null x`, `{"id":1}`, written(t, whole()) + "x", `{"id":"a","id":"b"}`} {
		if i, err := readIdentity(document); err == nil {
			t.Errorf("%q was read as %+v", document, i)
		}
	}
	if m, _, err := readPass(`["a"`, `{}`); err == nil {
		t.Errorf("half a list was read as %v", m)
	}
	if _, d, err := readPass(`[]`, `{"name":1}`); err == nil {
		t.Errorf("a number was read as %v", d)
	}
}

// Two readers of one document must never disagree about who somebody is.
func FuzzBothReadersAgree(f *testing.F) {
	f.Add(written(f, whole()), `["password"]`, written(f, countersign.Device{Name: "Chrome on a Mac"}))
	f.Add(written(f, countersign.Identity{}), `[]`, `{}`)
	f.Add(strings.Replace(written(f, countersign.Identity{}), `T00:`, `T0:`, 1), `[]`, `{}`)
	f.Add(strings.Replace(written(f, countersign.Identity{}), `"created_at":"`, `"created_at":`, 1), `[]`, `{}`)
	f.Add(`{"id":"\u0061","kind":"\xff"}`, `null`, `{"name":"`)
	f.Fuzz(func(t *testing.T, document, methods, device string) {
		if got, ok := ownIdentity(document); ok {
			var want countersign.Identity
			if err := jsonx.Unmarshal([]byte(document), &want); err != nil {
				t.Fatalf("%q: taken, but %v", document, err)
			}
			if string(want.Metadata) == "null" {
				want.Metadata = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q: %s", document, diff)
			}
		}
		if m, d, ok := ownPass(methods, device); ok {
			var wantM []string
			var wantD countersign.Device
			if err := jsonx.Unmarshal([]byte(methods), &wantM); err != nil {
				t.Fatalf("%q: taken, but %v", methods, err)
			}
			if err := jsonx.Unmarshal([]byte(device), &wantD); err != nil || wantD != d || !cmp.Equal(wantM, m) {
				t.Errorf("%q %q: %v, %v and %v, %v and %v", methods, device, err, wantM, m, wantD, d)
			}
		}
	})
}
