// Package proc reads what a process has cost so far from Linux' /proc (proc(5)).
//
// It does not sample or average: callers read twice and subtract.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc. The kernel fixes it at 100 a second for user space on every
// platform Go runs on, whatever its own clock rate. The sum itself is exact before it is rounded.
const tick = 10 * time.Millisecond

var errStat = errors.New("unexpected format")

// CPU returns the user and system time of a process and its threads, in steps of 10 ms.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("proc: %w", err)
	}
	d, err := parseStat(b)
	if err != nil {
		return 0, fmt.Errorf("proc: stat of %d: %w", pid, err)
	}
	return d, nil
}

// parseStat adds fields 14 and 15. It starts behind the last parenthesis, because the program's name
// in field 2 may itself hold spaces and parentheses.
func parseStat(b []byte) (time.Duration, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return 0, errStat
	}
	fields := bytes.Fields(b[i+1:])
	if len(fields) < 13 {
		return 0, errStat
	}
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseUint(string(f), 10, 38) // 87 years of ticks; two of these still fit a Duration
		if err != nil {
			return 0, errStat
		}
		ticks += time.Duration(n)
	}
	return ticks * tick, nil
}

// Memory is what a process holds in RAM, in bytes.
type Memory struct {
	Resident int64 // now
	Peak     int64 // the most since it started or since ForgetPeak
}

// ReadMemory returns the resident memory of a process.
func ReadMemory(pid int) (Memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("proc: %w", err)
	}
	m := Memory{Resident: kilobytes(b, "VmRSS:"), Peak: kilobytes(b, "VmHWM:")}
	if m.Resident <= 0 || m.Peak <= 0 {
		return Memory{}, fmt.Errorf("proc: status of %d: %w", pid, errStat)
	}
	return m, nil
}

// ForgetPeak makes the peak start over from what is resident now.
func ForgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	return nil
}

// kilobytes finds "name   123 kB" and returns bytes, or 0 when there is no such line.
func kilobytes(status []byte, name string) int64 {
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if !ok {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) != 2 || string(fields[1]) != "kB" {
			return 0
		}
		n, err := strconv.ParseUint(string(fields[0]), 10, 43)
		if err != nil {
			return 0
		}
		return int64(n) << 10
	}
	return 0
}
