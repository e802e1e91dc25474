package cuda

import (
	"errors"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

// TestReportErr: the first thing that is missing is what is told.
func TestReportErr(t *testing.T) {
	missing := Part{Err: errors.New("it is not here")}
	old, young := Device{Name: "Old GPU", Major: 7, Minor: 5}, Device{Name: "GPU", Major: 9}
	for _, c := range []struct {
		name   string
		report Report
		want   string // "": usable
	}{
		{"all there", Report{Devices: []Device{young}}, ""},
		{"no library of products", Report{Devices: []Device{young}, Library: missing}, ""},
		{"one of two is new enough", Report{Devices: []Device{old, young}}, ""},
		{"no driver", Report{Driver: missing, Devices: []Device{young}}, "it is not here"},
		{"no device", Report{}, "the driver has no device"},
		{"no compiler", Report{Devices: []Device{young}, Compiler: missing}, "it is not here"},
		{"an old device", Report{Devices: []Device{old}}, "Old GPU has compute capability 7.5; the kernels need 8.0"},
	} {
		err := c.report.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// TestProbe: what is looked for is there or says why not, and Open says the same.
func TestProbe(t *testing.T) {
	r := Probe()
	for name, p := range map[string]Part{"driver": r.Driver, "compiler": r.Compiler, "library": r.Library} {
		if p.Err == nil && p.Version == "" || p.Err != nil && len(p.Err.Error()) < 20 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if err := r.Err(); err != nil {
		if _, opened := Open(Config{Source: source(t, "tiny")}); opened == nil || !strings.Contains(opened.Error(), err.Error()) {
			t.Errorf("Probe says %v, Open %v", err, opened)
		}
	}
}

func TestArch(t *testing.T) {
	for _, c := range []struct {
		major, minor int
		want         string
	}{{8, 0, "sm_80"}, {8, 9, "sm_89"}, {9, 0, "sm_90a"}, {10, 0, "sm_100"}, {12, 1, "sm_121"}} {
		if got := arch(driver.Device{Major: c.major, Minor: c.minor}); got != c.want {
			t.Errorf("%d.%d is %s, want %s", c.major, c.minor, got, c.want)
		}
	}
	if got := libraryVersion(130002); got != "13.0.2" {
		t.Error(got)
	}
}
