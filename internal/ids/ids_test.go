package ids_test

import (
	"testing"
	"time"

	"github.com/countersign-id/countersign/internal/ids"
)

func TestIdsSortByTimeAndKeepTheirForm(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	a, b := ids.New("idn", now), ids.New("idn", now.Add(time.Millisecond))
	if a >= b {
		t.Errorf("%s was made before %s but does not sort before it", a, b)
	}
	if a == ids.New("idn", now) {
		t.Error("two ids of one moment are equal")
	}
	for _, ok := range []string{a, b} {
		if !ids.Is("idn", ok) {
			t.Errorf("%s is refused", ok)
		}
	}
	for _, bad := range []string{"", "idn_", "idn", a[:len(a)-1], a + "0", "ses" + a[3:], "idn_" + "!" + a[5:], "IDN" + a[3:], a[:len(a)-1] + "\n"} {
		if ids.Is("idn", bad) {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}
