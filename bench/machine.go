package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// moduleRoot is the folder of go.mod: the benchmark may be called from anywhere in the module.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if filepath.Base(file) != "go.mod" {
		return "", fmt.Errorf("call it from inside the module")
	}
	return filepath.Dir(file), nil
}

// commit names what was measured, with a plus when the tree had changes that no commit has.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err != nil || len(changed) > 0 {
		name += "+"
	}
	return name
}

// machine says what somebody needs to judge the absolute figures: processor, cores, memory.
func machine() string {
	model := strings.TrimSpace(strings.TrimPrefix(lineOf("/proc/cpuinfo", "model name"), ":"))
	if model == "" {
		model = runtime.GOARCH
	}
	var kib int64
	_, _ = fmt.Sscanf(lineOf("/proc/meminfo", "MemTotal:"), "%d", &kib) // 0 when it is not there
	return fmt.Sprintf("%s, %d cores, %d GiB", model, runtime.NumCPU(), (kib+1<<19)>>20)
}

// loadAverage is 0 where there is no /proc.
func loadAverage() float64 {
	var minute float64
	_, _ = fmt.Sscanf(lineOf("/proc/loadavg", ""), "%g", &minute)
	return minute
}

// lineOf returns what follows prefix on its first line in a file, or nothing.
func lineOf(file, prefix string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func goVersion() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }
