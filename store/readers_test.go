package store

import (
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/countersign-id/countersign"
)

// A reader that failed or panicked must not be missing afterwards, or the last one takes all look-ups with it.
func TestAReaderComesBackWhateverHappens(t *testing.T) {
	opened := 0
	r := newReaders(1, func() (driver.Conn, error) {
		if opened++; opened == 2 {
			panic("the driver")
		}
		return nil, errors.New("no such file")
	})
	for n := range 3 {
		func() {
			defer func() {
				if thrown := recover(); (thrown != nil) != (n == 1) {
					t.Errorf("look-up %d threw %v", n, thrown)
				}
			}()
			if _, _, err := r.find([32]byte{}, 0); err == nil || errors.Is(err, countersign.ErrOverloaded) {
				t.Errorf("look-up %d: %v", n, err)
			}
		}()
	}
	if err := r.close(); err != nil || opened != 3 {
		t.Errorf("closed: %v, opened %d times", err, opened)
	}
	if _, _, err := r.find([32]byte{}, 0); !errors.Is(err, countersign.ErrOverloaded) {
		t.Errorf("after the end: %v", err)
	}
}
