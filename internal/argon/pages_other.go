//go:build !linux

package argon

func pages(n int) []block { return make([]block, n) }

func unpage([]block) {}
