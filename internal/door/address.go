package door

import (
	"net/http"
	"net/netip"
	"strings"
)

// longestChain bounds the forwarding headers, in bytes: with more than some
// thirty proxies nobody knows any longer who asked.
const longestChain = 2048

// Address returns the client's address: the peer's, or what trusted proxies
// say of the request, within Handler; the zero Addr outside of it.
func Address(r *http.Request) netip.Addr {
	if v := visitOf(r.Context()); v != nil {
		return v.from
	}
	return netip.Addr{}
}

func (d *Door) trusts(a netip.Addr) bool {
	for _, p := range d.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// peer returns who is on the other end of the connection, and whether its
// forwarding headers are believed.
func (g *gate) peer(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	a := ap.Addr().Unmap().WithZone("")
	return a, len(g.door.Trusted) > 0 && g.door.trusts(a)
}

// forwardedFor returns the right-most address in the forwarding headers that is
// not a proxy of ours. A header that does not parse, or two headers that
// disagree (one of them is then the client's own invention), name the peer
// itself: whoever plays with them shares the proxy's budget and gains nothing.
func forwardedFor(h http.Header, peer netip.Addr, trusted func(netip.Addr) bool) netip.Addr {
	x, standard := h["X-Forwarded-For"], h["Forwarded"]
	switch {
	case len(x) == 0 && len(standard) == 0:
		return peer
	case len(standard) == 0:
		return rightmost(x, peer, trusted, addressOf)
	case len(x) == 0:
		return rightmost(standard, peer, trusted, forParameter)
	}
	a, b := rightmost(x, peer, trusted, addressOf), rightmost(standard, peer, trusted, forParameter)
	if a != b {
		return peer
	}
	return a
}

// rightmost walks a list header from its end to the first address that no
// proxy of ours has; when all are ours the left-most is the client.
func rightmost(lines []string, peer netip.Addr, trusted func(netip.Addr) bool, read func(string) (netip.Addr, bool)) netip.Addr {
	all := strings.Join(lines, ",")
	if len(all) > longestChain {
		return peer
	}
	a := peer
	for rest, more := all, true; more; {
		i := strings.LastIndexByte(rest, ',')
		var part string
		if i < 0 {
			part, more = rest, false
		} else {
			part, rest = rest[i+1:], rest[:i]
		}
		next, ok := read(strings.Trim(part, " \t"))
		if !ok {
			return peer
		}
		if a = next; !trusted(a) {
			return a
		}
	}
	return a
}

// addressOf reads an address with or without a port: "192.0.2.1",
// "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
func addressOf(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), a.Zone() == ""
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), ap.Addr().Zone() == ""
	}
	if in, ok := strings.CutPrefix(s, "["); ok {
		if in, ok = strings.CutSuffix(in, "]"); ok {
			a, err := netip.ParseAddr(in)
			return a.Unmap(), err == nil && a.Is6() && a.Zone() == ""
		}
	}
	return netip.Addr{}, false
}

// forParameter reads the address in one element of Forwarded (RFC 7239 section
// 4). Hidden names ("unknown", "_secret") are no address. A comma inside quotes
// splits wrongly before this is called, and what is left does not parse.
func forParameter(element string) (a netip.Addr, ok bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, found := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !found {
			return netip.Addr{}, false
		}
		if !strings.EqualFold(name, "for") {
			continue
		}
		if ok { // twice: the proxies of this world do not agree which one counts
			return netip.Addr{}, false
		}
		if in, quoted := strings.CutPrefix(value, `"`); quoted {
			if value, quoted = strings.CutSuffix(in, `"`); !quoted {
				return netip.Addr{}, false
			}
		}
		if a, ok = addressOf(value); !ok {
			return netip.Addr{}, false
		}
	}
	return a, ok
}
