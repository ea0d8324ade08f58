// Package load offers HTTP/1.1 requests to a server on this machine and counts what comes back.
//
// It is a measuring instrument, not a client: kept-alive connections driven by epoll, requests that
// are written from prepared pieces, and a parser that reads no more of a response (RFC 9112) than it
// must. It costs a fraction of what net/http's client does, because on a shared machine every
// microsecond it takes is taken from the server being measured. It runs in a process of its own
// (Spawn), so that the server's CPU can be told apart from it, and refuses any address that is not
// loopback. It knows nothing of Countersign.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Plan is one measurement: what is sent, where, for how long.
type Plan struct {
	Addr    netip.AddrPort `json:"addr"`    // loopback, IPv4
	Streams []Stream       `json:"streams"` // run side by side
	Warm    time.Duration  `json:"warm"`    // offered first and not counted
	For     time.Duration  `json:"for"`     // counted
	Grace   time.Duration  `json:"grace"`   // how long late answers are awaited afterwards; 0 is 5 s
	Watch   int            `json:"watch"`   // process whose CPU time is read over the counted part; 0 is none
	Workers int            `json:"workers"` // threads of the generator; 0 is half the cores
}

// Stream is a group of connections that send from the same mix.
//
// With Rate 0 it is a closed loop: each connection sends as soon as it was answered, and a request
// counts when its answer falls into the counted part. With a Rate it is an open loop: requests fall
// due at that rate whatever the server does, each latency begins when its request was due (so a
// stall is not hidden by the requests it held back), and a request counts when it fell due in time.
type Stream struct {
	Name        string  `json:"name"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"`    // requests per second
	Sources     int     `json:"sources"` // spread over this many client addresses 127.x.y.1; 0 is 127.0.0.1
	Mix         []Ask   `json:"mix"`
}

// Ask is one kind of request. Path, header values and Body may hold the slots {0} to {9}, which are
// filled from the columns of one row of Values.
type Ask struct {
	Name   string            `json:"name"` // unique in the plan
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
	Share  int               `json:"share"` // weight among the stream's mix; 0 counts as 1
	Values Values            `json:"values"`
	Keep   bool              `json:"keep"` // return every response's body with the row that asked for it
}

// Values feeds the slots of an Ask: rows in order, over and over, or each Once.
type Values struct {
	File string   `json:"file"` // one row a line, columns parted by tabs
	Rows []string `json:"rows"` // the same, given directly
	Skip int      `json:"skip"` // leave out the first rows of File
	Take int      `json:"take"` // and then use at most so many; 0 is all
	Once bool     `json:"once"` // stop when every row was used, instead of starting over
}

func (p Plan) check() error {
	if a := p.Addr.Addr(); !a.Is4() || !a.IsLoopback() {
		return fmt.Errorf("load: %s is not an IPv4 loopback address; this generator measures its own machine only", a)
	}
	if len(p.Streams) == 0 || p.For <= 0 {
		return errors.New("load: a plan needs a stream and a duration")
	}
	names := map[string]bool{}
	for _, s := range p.Streams {
		if s.Connections < 1 || len(s.Mix) == 0 || s.Rate < 0 {
			return fmt.Errorf("load: stream %q needs connections, requests and no negative rate", s.Name)
		}
		for _, a := range s.Mix {
			if a.Name == "" || names[a.Name] {
				return fmt.Errorf("load: request name %q is empty or used twice", a.Name)
			}
			names[a.Name] = true
		}
	}
	return nil
}
