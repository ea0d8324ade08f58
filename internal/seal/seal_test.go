package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
)

// The published vectors of C2SP's XAES-256-GCM.
func TestTheCipherMatchesThePublishedVectors(t *testing.T) {
	for _, v := range []struct{ fill, extra, want string }{
		{"\x01", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{"\x03", "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte(v.fill), KeySize))
		if err != nil {
			t.Fatal(err)
		}
		got := x.seal(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), []byte(v.extra))
		if hex.EncodeToString(got) != v.want {
			t.Errorf("key %x…: got %x, want %s", v.fill, got, v.want)
		}
	}
}

func sealer(t *testing.T, ids ...string) *Sealer {
	t.Helper()
	var keys []Key
	for _, id := range ids {
		keys = append(keys, Key{ID: id, Secret: bytes.Repeat([]byte(id[:1]), KeySize)})
	}
	s, err := New(rand.Reader, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSealedOpensOnlyAsItWas(t *testing.T) {
	s := sealer(t, "a")
	sealed := s.Seal([]byte("secret"), []byte("row 1"))
	if got, err := s.Open(sealed, []byte("row 1")); err != nil || string(got) != "secret" {
		t.Fatalf("got %q, %v", got, err)
	}
	refuse := func(name string, s *Sealer, sealed []byte, context string) {
		if _, err := s.Open(sealed, []byte(context)); !errors.Is(err, ErrSealed) {
			t.Errorf("%s opened: %v", name, err)
		}
	}
	refuse("another row", s, sealed, "row 2")
	refuse("another key", sealer(t, "b"), sealed, "row 1")
	refuse("nothing", s, nil, "row 1")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		refuse("a flipped bit", s, bad, "row 1")
		refuse("a cut value", s, sealed[:i], "row 1")
	}
}

func TestOldKeysOpenAndTheNewestSeals(t *testing.T) {
	old, both := sealer(t, "a"), sealer(t, "a", "b")
	if _, err := both.Open(old.Seal([]byte("x"), nil), nil); err != nil {
		t.Errorf("an old value does not open: %v", err)
	}
	if _, err := old.Open(both.Seal([]byte("x"), nil), nil); err == nil {
		t.Error("the new value was sealed by the old key")
	}
}

func TestAWrappedKeyOpensOnlyWithItsKeyAndId(t *testing.T) {
	kek, other := bytes.Repeat([]byte{7}, KeySize), bytes.Repeat([]byte{8}, KeySize)
	w, err := Wrap(rand.Reader, kek, Key{ID: "a", Secret: bytes.Repeat([]byte{1}, KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := Unwrap(kek, "a", w); err != nil || k.Secret[0] != 1 {
		t.Errorf("does not open: %v", err)
	}
	if _, err := Unwrap(other, "a", w); !errors.Is(err, ErrSealed) {
		t.Errorf("another key opened it: %v", err)
	}
	if _, err := Unwrap(kek, "b", w); !errors.Is(err, ErrSealed) {
		t.Errorf("it opened under another id: %v", err)
	}
	if _, err := Wrap(rand.Reader, kek[:31], Key{ID: "a"}); err == nil {
		t.Error("a short key was taken")
	}
}

func FuzzOpen(f *testing.F) {
	s, err := New(rand.Reader, Key{ID: "a", Secret: make([]byte, KeySize)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Seal([]byte("x"), nil))
	f.Add([]byte{form, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := s.Open(b, []byte("no such place")); err == nil {
			t.Error("opened")
		}
	})
}
