// Package product builds the countersign program and runs it as an operator would: its own process,
// its own data folder, flags and HTTP, nothing from inside.
package product

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is a built binary.
type Program struct {
	Path  string
	Bytes int64 // its size
}

// Build compiles cmd/countersign of the module in root into dir, as a release is compiled.
func Build(ctx context.Context, root, dir string) (Program, error) {
	out := filepath.Join(dir, "countersign")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./cmd/countersign")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return Program{}, fmt.Errorf("product: build: %w", err)
	}
	return Built(out)
}

// Built is a program that was compiled before.
func Built(path string) (Program, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Program{}, fmt.Errorf("product: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Program{}, fmt.Errorf("product: %w", err)
	}
	return Program{Path: path, Bytes: info.Size()}, nil
}
