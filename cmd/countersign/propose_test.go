package main

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign-id/countersign/internal/argon"
)

// machine is one whose hashes take time by KiB-passes alone.
func machine(perPass time.Duration, cores, memory int) (func(argon.Params) (figure, error), calibration) {
	measure := func(p argon.Params) (figure, error) {
		each := ms(perPass) * float64(work(p)) / float64(work(least))
		return figure{EachMS: each, PerSecond: float64(cores) * 1000 / each}, nil
	}
	first, _ := measure(least)
	return measure, calibration{Cores: cores, MemoryMiB: memory, Measured: []figure{first, first}}
}

func TestAProposalIsNeverBelowTheLeastNorAboveTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := time.Duration(rapid.IntRange(1, 2000).Draw(t, "milliseconds")) * time.Millisecond
		cores, memory := rapid.IntRange(1, 128).Draw(t, "cores"), rapid.IntRange(0, 1<<20).Draw(t, "MiB")
		target := time.Duration(rapid.IntRange(10, 10000).Draw(t, "target")) * time.Millisecond
		concurrency := rapid.IntRange(1, 10000).Draw(t, "concurrency")
		measure, c := machine(one, cores, memory)
		p, err := propose(measure, target, concurrency, c)
		if err != nil {
			t.Fatal(err)
		}
		if p.MemoryKiB < 19456 || p.Time < 2 || p.Threads != 1 || p.MemoryKiB > enoughMemory || p.Time > argon.MaxTime {
			t.Fatalf("proposes %d KiB, time %d, threads %d", p.MemoryKiB, p.Time, p.Threads)
		}
		stronger := p.MemoryKiB > 19456 || p.Time > 2
		if stronger && p.SignInMS > ms(target)*1.001 {
			t.Fatalf("a sign-in takes %.1f ms of %s, and the least would do", p.SignInMS, target)
		}
		if !p.Reached && stronger {
			t.Fatal("says it cannot be reached, and proposes more than the least")
		}
	})
}

func TestAFastMachineGetsCostlierHashes(t *testing.T) {
	measure, c := machine(20*time.Millisecond, 4, 16<<10)
	p, err := propose(measure, 500*time.Millisecond, 4, c)
	if err != nil || p.MemoryKiB != 65536 || p.Time != 14 || !p.Reached || p.SignInMS < 400 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = propose(measure, 500*time.Millisecond, 16, c); err != nil || p.SignInMS > 500 || p.SignInMS < 400 {
		t.Errorf("with four for each core: %+v, %v", p, err)
	}
}

func TestALittleMachineKeepsItsMemory(t *testing.T) {
	measure, c := machine(20*time.Millisecond, 4, 512)
	p, err := propose(measure, time.Second, 4, c)
	if err != nil || p.BusyMiB > 128 || p.Time < 3 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatCannotBeMeasuredIsNotProposed(t *testing.T) {
	_, c := machine(time.Millisecond, 1, 0)
	wrong := errors.New("interrupted")
	if _, err := propose(func(argon.Params) (figure, error) { return figure{}, wrong }, time.Second, 1, c); !errors.Is(err, wrong) {
		t.Error(err)
	}
}

func TestALoopEndsWithItsFirstError(t *testing.T) {
	wrong := errors.New("disk full")
	b := bench{ctx: t.Context(), each: time.Hour, now: time.Now}
	if _, err := b.loop(3, func() error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
}
