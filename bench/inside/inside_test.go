package inside

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/countersign-id/countersign/bench/limit"
)

func TestSessionsAreOpenedAndCounted(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := Serve(t.Context(), strings.NewReader(`{"dir":"`+dir+`","callers":8,"for":100000000}`), &out); err != nil {
		t.Fatal(err)
	}
	var w limit.Work
	if err := json.Unmarshal(out.Bytes(), &w); err != nil {
		t.Fatal(err)
	}
	if w.Done < 8 || w.Seconds < 0.05 {
		t.Errorf("%+v", w)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if err := Serve(t.Context(), strings.NewReader(`{"dir":"/nowhere","callers":1,"for":1}`), new(bytes.Buffer)); err == nil {
		t.Error("something was measured")
	}
}
