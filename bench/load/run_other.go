//go:build !linux

package load

import (
	"context"
	"errors"
)

// Run needs Linux: the generator is built on epoll, and the CPU figures come from /proc.
func Run(context.Context, Plan) (Result, error) {
	return Result{}, errors.New("load: the load generator runs on Linux only")
}
