package config

import (
	"strconv"
	"strings"
	"time"
)

// Rate is at most Count in any Per.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limit is one or more rates that all hold, written "20/1h" or "1/1m,5/1h".
type Limit []Rate

// mostRates bounds a Limit, because every rate costs a look-up for each request.
const mostRates = 4

// UnmarshalText reads a limit; the error is a Problem. A limit cannot be empty
// or zero: whoever wants none says so with a large number, in the open.
func (l *Limit) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), ",")
	if len(parts) > mostRates {
		return Problem{Wrong: "has " + strconv.Itoa(len(parts)) + " rates", Try: "write " + strconv.Itoa(mostRates) + " at most"}
	}
	rates := make(Limit, 0, len(parts))
	for _, part := range parts {
		count, per, ok := strings.Cut(strings.TrimSpace(part), "/")
		n, err := strconv.ParseUint(count, 10, 31)
		d, fine := parseDuration(per)
		if !ok || err != nil || n == 0 || !fine || d < time.Second || d > 365*24*time.Hour {
			return Problem{
				Wrong: quoted(string(text)) + " is not a limit",
				Try:   "write how many in how long, such as 20/1h, several parted by commas: 1/1m,5/1h",
			}
		}
		rates = append(rates, Rate{Count: int(n), Per: d})
	}
	*l = rates
	return nil
}

// String reads back as the same limit.
func (l Limit) String() string {
	parts := make([]string, len(l))
	for i, r := range l {
		parts[i] = strconv.Itoa(r.Count) + "/" + Duration(r.Per).String()
	}
	return strings.Join(parts, ",")
}
