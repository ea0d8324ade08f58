// Package acceptance attacks the built program from outside, as strangers,
// owners, operators and broken machines do: over HTTP and raw sockets, through
// the command line, by killing it, by taking its database away. It holds tests
// only and imports nothing of the product, so that whatever it shows is true of
// what people run. Only loopback is touched and every count is bounded.
//
// What it does not own: the rules themselves. They are in docs/threats.md and
// tested from inside where they live; here each is tried where it would hurt.
//
// ACCEPTANCE_ROUNDS raises the number of kills and of races, for long runs.
package acceptance
