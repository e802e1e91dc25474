package network

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestSlowStart compares the closed form with the window's history sent
// flight by flight.
func TestSlowStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.Int64Range(1, 1<<26).Draw(t, "bytes")
		window := rapid.Int64Range(1460, 1<<20).Draw(t, "window")
		bdp := rapid.Int64Range(1, 1<<26).Draw(t, "bdp")
		flights, sent, w := 0, int64(0), window
		for sent < bytes && w < bdp {
			sent += w
			w *= 2
			flights++
		}
		want := flights
		if sent >= bytes {
			want-- // the last flight needs no further round trip
		}
		if window >= bdp || bytes <= window {
			want = 0
		}
		got, after := slowStart(bytes, window, bdp)
		if got != want {
			t.Fatalf("slowStart(%d, %d, %d) = %d round trips, flight by flight %d", bytes, window, bdp, got, want)
		}
		if after < window {
			t.Fatalf("window shrank from %d to %d", window, after)
		}
	})
}

// TestSlowStartRounds holds the package comment's formula against known sizes:
// ten segments of 1,460 bytes, a fat link.
func TestSlowStartRounds(t *testing.T) {
	for _, c := range []struct {
		bytes int64
		want  int
	}{{1, 0}, {14_600, 0}, {14_601, 1}, {43_800, 1}, {43_801, 2}, {102_200, 2}, {1_000_000, 6}} {
		got, _ := slowStart(c.bytes, 14_600, math.MaxInt64>>2)
		formula := int(math.Ceil(math.Log2(float64(c.bytes)/14_600+1))) - 1
		if got != c.want || got != formula {
			t.Errorf("%d bytes: %d round trips, want %d (formula %d)", c.bytes, got, c.want, formula)
		}
	}
}
