package notify

import (
	"fmt"
	"html/template"
	"math"
)

// accent turns the operator's hue into a colour that mail programs understand.
// Pages use OKLCH itself; mail programs know only sRGB, so that the conversion
// of CSS Color 4 (section 10, and the matrices of OKLab) happens here. What
// lies outside sRGB loses chroma until it fits, so that no channel is clipped and the
// lightness, on which the contrast hangs, stays.
func accent(lightness, chroma float64, hue int) template.CSS {
	for ; chroma > 0; chroma -= 0.005 {
		if r, g, b, ok := srgb(lightness, chroma, float64(hue)); ok {
			return template.CSS(fmt.Sprintf("#%02x%02x%02x", r, g, b))
		}
	}
	r, g, b, _ := srgb(lightness, 0, 0)
	return template.CSS(fmt.Sprintf("#%02x%02x%02x", r, g, b))
}

// srgb converts OKLCH to 8-bit sRGB and says whether the colour exists there.
func srgb(lightness, chroma, hue float64) (r, g, b uint8, ok bool) {
	sin, cos := math.Sincos(hue * math.Pi / 180)
	a, bb := chroma*cos, chroma*sin
	l := math.Pow(lightness+0.3963377774*a+0.2158037573*bb, 3)
	m := math.Pow(lightness-0.1055613458*a-0.0638541728*bb, 3)
	s := math.Pow(lightness-0.0894841775*a-1.2914855480*bb, 3)
	linear := [3]float64{
		4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s,
	}
	var out [3]uint8
	ok = true
	for i, v := range linear {
		if v < -0.0001 || v > 1.0001 {
			ok = false
		}
		out[i] = gamma(min(max(v, 0), 1))
	}
	return out[0], out[1], out[2], ok
}

// gamma is the transfer curve of sRGB (IEC 61966-2-1).
func gamma(v float64) uint8 {
	if v <= 0.0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(v * 255))
}
