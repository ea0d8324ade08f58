package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "double" { // we are our own child
		err := Answer(os.Stdin, os.Stdout, double)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type question struct {
	Number int `json:"number"`
}

func double(q question) (int, error) {
	if q.Number < 0 {
		return 0, errors.New("too small to double")
	}
	return 2 * q.Number, nil
}

func TestAChildAnswers(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Call[question, int](t.Context(), exe, "double", question{21}); err != nil || n != 42 {
		t.Errorf("%d %v", n, err)
	}
	if n, err := Call[question, int](t.Context(), exe, "double", question{-1}); err == nil {
		t.Errorf("a child that failed answered %d", n)
	}
	if n, err := Call[question, string](t.Context(), exe, "double", question{1}); err == nil {
		t.Errorf("a number was taken for the text %q", n)
	}
	if n, err := Call[question, int](t.Context(), "/nowhere", "double", question{1}); err == nil {
		t.Errorf("a program that is not there answered %d", n)
	}
}

func TestAnUnknownFieldIsNotSilentlyDropped(t *testing.T) {
	if err := Answer(strings.NewReader(`{"numbre":1}`), new(bytes.Buffer), double); err == nil {
		t.Error("it was")
	}
}
