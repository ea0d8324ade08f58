package notify

import (
	"math"
	"strconv"
	"testing"
)

// TestEveryHueCanBeRead holds WCAG 2.2 AA (4.5 to 1) for each accent that an
// operator may choose, on light and on dark.
func TestEveryHueCanBeRead(t *testing.T) {
	for hue := range 361 {
		l := letter{Brand: Brand{Hue: hue}}
		if ratio := contrast(t, string(l.Accent()), "#ffffff"); ratio < 4.5 {
			t.Errorf("hue %d: %s on white has %.2f", hue, l.Accent(), ratio)
		}
		for _, ground := range []string{"#1c1c21", "#121216"} {
			if ratio := contrast(t, string(l.AccentDark()), ground); ratio < 4.5 {
				t.Errorf("hue %d: %s on %s has %.2f", hue, l.AccentDark(), ground, ratio)
			}
		}
	}
}

func TestQuietTextCanBeRead(t *testing.T) {
	for _, pair := range [][2]string{{"#5b5b66", "#ffffff"}, {"#b4b4bf", "#1c1c21"}, {"#ececf1", "#1c1c21"}, {"#1d1d22", "#ffffff"}} {
		if ratio := contrast(t, pair[0], pair[1]); ratio < 4.5 {
			t.Errorf("%s on %s has %.2f", pair[0], pair[1], ratio)
		}
	}
}

func TestKnownColours(t *testing.T) {
	// The primaries of sRGB in OKLCH, as CSS Color 4 gives them.
	for want, c := range map[string][3]float64{
		"#ff0000": {0.62796, 0.25768, 29.23}, "#00ff00": {0.86644, 0.29483, 142.50}, "#0000ff": {0.45201, 0.31321, 264.05}, "#ffffff": {1, 0, 0},
	} {
		r, g, b, _ := srgb(c[0], c[1], c[2])
		for i, got := range []uint8{r, g, b} {
			value, _ := strconv.ParseUint(want[1+2*i:3+2*i], 16, 8)
			if math.Abs(float64(got)-float64(value)) > 1 {
				t.Errorf("%v is %d %d %d, want %s", c, r, g, b, want)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(value) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
