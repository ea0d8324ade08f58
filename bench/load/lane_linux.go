package load

import "time"

// lane is the part of one stream that one worker drives.
type lane struct {
	stream   Stream
	order    []*request    // the mix, spread out evenly; walked round and round
	at       int           // the next in order
	interval time.Duration // open loop: between two requests of this lane; 0 is a closed loop
	due      time.Duration // open loop: when the next one is due, since the clock's origin
	idle     []*line       // open loop: connections with nothing to do
	spent    bool          // its values are used up
}

// newLane makes the share that worker number part of parts has in a stream.
func newLane(s Stream, mix []*request, part, parts int) *lane {
	l := &lane{stream: s, order: spread(mix)}
	l.at = part * len(l.order) / parts
	if s.Rate > 0 {
		l.interval = time.Duration(float64(time.Second) * float64(parts) / s.Rate)
		l.due = l.interval * time.Duration(part) / time.Duration(parts)
	}
	return l
}

// spread lays a weighted mix out so that the rare requests come at even distances (smooth weighted
// round robin): a burst of slow ones would measure the burst.
func spread(mix []*request) []*request {
	total, credit := 0, make([]int, len(mix))
	for _, r := range mix {
		total += max(r.ask.Share, 1)
	}
	order := make([]*request, 0, total)
	for range total {
		best := 0
		for i, r := range mix {
			if credit[i] += max(r.ask.Share, 1); credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= total
		order = append(order, mix[best])
	}
	return order
}

// next picks the next request and its row; false when the values are used up.
func (l *lane) next() (*request, int, bool) {
	if l.spent {
		return nil, 0, false
	}
	r := l.order[l.at%len(l.order)]
	l.at++
	row, ok := r.take()
	l.spent = !ok
	return r, row, ok
}

// connections is how many of the stream's connections fall to worker number part of parts.
func (l *lane) connections(part, parts int) int {
	n := l.stream.Connections / parts
	if part < l.stream.Connections%parts {
		n++
	}
	return n
}
