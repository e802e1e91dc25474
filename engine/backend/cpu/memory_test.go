package cpu

import (
	"math"
	"os"
	"testing"
	"testing/fstest"
)

func TestAvailable(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	meminfo := file("MemTotal:       1000 kB\nMemAvailable:    500 kB\n")
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"nothing is said", fstest.MapFS{}, math.MaxInt64},
		{"the machine", fstest.MapFS{"proc/meminfo": meminfo}, 500 << 10},
		{"a group of its own", fstest.MapFS{
			"proc/meminfo":                       meminfo,
			"proc/self/cgroup":                   file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max":       file("300000\n"),
			"sys/fs/cgroup/a/b/memory.current":   file("100000\n"),
			"sys/fs/cgroup/a/b/memory.stat":      file("anon 60000\ninactive_file 40000\n"),
			"sys/fs/cgroup/a/memory.max":         file("max\n"),
			"sys/fs/cgroup/memory.current":       file("5\n"),
			"sys/fs/cgroup/other/memory.max":     file("1\n"),
			"sys/fs/cgroup/other/memory.current": file("1\n"),
		}, 240000},
		{"a parent's bound", fstest.MapFS{
			"proc/meminfo":                   meminfo,
			"proc/self/cgroup":               file("1:cpu:/x\n0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max":   file("max\n"),
			"sys/fs/cgroup/a/memory.max":     file("7000\n"),
			"sys/fs/cgroup/a/memory.current": file("6000\n"),
		}, 1000},
		{"the namespace's root", fstest.MapFS{
			"proc/self/cgroup":             file("0::/\n"),
			"sys/fs/cgroup/memory.max":     file("7000\n"),
			"sys/fs/cgroup/memory.current": file("8000\n"),
		}, 0},
	} {
		if got := available(math.MaxInt64, c.root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := available(99, fstest.MapFS{"proc/meminfo": meminfo}); got != 99 {
		t.Errorf("a system with less: %d", got)
	}
	if got := available(systemLeft(), os.DirFS("/")); got <= 0 {
		t.Errorf("this machine has %d bytes left", got)
	}
}
