package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, args := range []string{"-seconds=0", "-rounds=0", "-sessions=10", "-only", "quickly", "check", "-seconds=abc"} {
		if o, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s: %+v", args, o)
		}
	}
}

func TestTheDefaultsAreThoseOfTheAims(t *testing.T) {
	got, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := options{seconds: 2, rounds: 5, stored: 1_000_000}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownScenarioIsNamedBeforeAnythingIsBuilt(t *testing.T) {
	if err := run(t.Context(), []string{"-only", "luck"}); err == nil || !strings.Contains(err.Error(), "luck") {
		t.Errorf("%v", err)
	}
}

func TestTheCircumstancesAreDescribed(t *testing.T) {
	found := describe(t.Context())
	if found.Commit == "" || found.Go == "" || !strings.Contains(found.Machine, "cores") || found.Date.IsZero() {
		t.Errorf("%+v", found)
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Error(err)
	}
}
