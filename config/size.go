package config

import (
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with a binary unit: "64MiB".
type Size int64

// UnmarshalText reads a size; the error is a Problem. Decimal units are
// refused, because half of those who write 64MB mean 64MiB.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for i, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, found := strings.CutSuffix(number, u); found {
			number, unit = strings.TrimSpace(n), 1<<(10*(i+1))
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return Problem{
			Wrong: quoted(string(text)) + " is not a size",
			Try:   "write bytes, or a number with KiB, MiB or GiB, such as 64MiB",
		}
	}
	*s = Size(int64(n) * unit)
	return nil
}

// String uses the largest unit that divides the size.
func (s Size) String() string {
	n, unit := int64(s), ""
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}
