package passkey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/countersign-id/countersign/bench/limit"
)

func TestBothSidesVerifyAndAreCounted(t *testing.T) {
	for _, bare := range []bool{false, true} {
		dir := t.TempDir()
		var out bytes.Buffer
		order := fmt.Sprintf(`{"bare":%t,"dir":%q,"people":64,"callers":4,"for":100000000}`, bare, dir)
		if err := Serve(t.Context(), strings.NewReader(order), &out); err != nil {
			t.Fatal(err)
		}
		var w limit.Work
		if err := json.Unmarshal(out.Bytes(), &w); err != nil {
			t.Fatal(err)
		}
		if w.Done < 4 || w.Seconds < 0.05 {
			t.Errorf("bare %t: %+v", bare, w)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if err := Serve(t.Context(), strings.NewReader(`{"dir":"/nowhere","people":1,"callers":1,"for":1}`), new(bytes.Buffer)); err == nil {
		t.Error("something was measured")
	}
}
