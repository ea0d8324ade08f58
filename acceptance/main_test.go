package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestMain builds the program once. ACCEPTANCE_BINARY names one that is built
// already, such as a broken copy on which a test must be seen to fail.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("ACCEPTANCE_BINARY") != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "acceptance")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "countersign")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/countersign").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("ACCEPTANCE_BINARY", bin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// rounds is how often something is repeated: usual, or as often as the long run says.
func rounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("ACCEPTANCE_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return usual
}

// within waits until a condition holds, and says whether it did in time. It
// watches another process, whose clock no test can move.
func within(limit time.Duration, holds func() bool) bool {
	end := time.Now().Add(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(end) {
			return false
		}
		<-tick.C
	}
	return true
}
