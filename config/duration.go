package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, written as in Go ("90s", "1h30m") or with whole
// days in front ("30d", "1d12h"). A day is 24 hours.
type Duration time.Duration

// UnmarshalText reads a duration; the error is a Problem.
func (d *Duration) UnmarshalText(text []byte) error {
	v, ok := parseDuration(string(text))
	if !ok {
		return Problem{
			Wrong: quoted(string(text)) + " is not a length of time",
			Try:   "write a number and a unit, such as 30d, 12h, 10m or 500ms",
		}
	}
	*d = Duration(v)
	return nil
}

// String is the shortest form that reads back as the same duration.
func (d Duration) String() string {
	const day = 24 * time.Hour
	if v := time.Duration(d); v != 0 && v%day == 0 {
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseDuration(s string) (time.Duration, bool) {
	body, negative := strings.CutPrefix(s, "-")
	var days int64
	if n, rest, found := strings.Cut(body, "d"); found {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, false
		}
		days, body = int64(count), rest
		if body == "" {
			body = "0"
		}
	}
	if strings.HasPrefix(body, "-") || strings.HasPrefix(body, "+") {
		return 0, false
	}
	v, err := time.ParseDuration(body)
	whole := time.Duration(days) * 24 * time.Hour
	if err != nil || v < 0 || v > math.MaxInt64-whole {
		return 0, false
	}
	if negative {
		return -(whole + v), true
	}
	return whole + v, true
}
