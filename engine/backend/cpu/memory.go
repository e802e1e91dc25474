package cpu

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// MemoryError says that a model does not fit into the machine's memory. Nothing
// has been allocated then.
type MemoryError struct {
	Weights, Cache, Activations int64 // bytes asked for
	Available                   int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("cpu: %s of memory are asked for (weights %s, keys and values %s, activations %s), and %s are available: take fewer layers, blocks, slots or a smaller budget",
		mebibytes(e.Weights+e.Cache+e.Activations), mebibytes(e.Weights), mebibytes(e.Cache), mebibytes(e.Activations), mebibytes(e.Available))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// available is how much memory a process may still take: the least of what the
// system says (systemLeft), and of what its root file system tells, which is
// what Linux deems available without swapping (MemAvailable of /proc/meminfo)
// and what each control group (version 2) that the process is in has left, where
// what it can drop again counts as left. A system that says nothing is taken to
// have no bound.
func available(left int64, root fs.FS) int64 {
	if n, ok := field(root, "proc/meminfo", "MemAvailable:"); ok {
		left = min(left, n<<10)
	}
	for dir := controlGroup(root); ; dir = path.Dir(dir) {
		left = min(left, groupLeft(root, path.Join("sys/fs/cgroup", dir)))
		if dir == "/" || dir == "." {
			return max(left, 0)
		}
	}
}

// groupLeft is what one control group has left.
func groupLeft(root fs.FS, dir string) int64 {
	most, ok := number(root, path.Join(dir, "memory.max"))
	if !ok {
		return math.MaxInt64 // no group, or "max"
	}
	used, ok := number(root, path.Join(dir, "memory.current"))
	if !ok {
		return most
	}
	files, _ := field(root, path.Join(dir, "memory.stat"), "inactive_file")
	return most - used + files
}

// controlGroup is the path of the process's group in the unified hierarchy.
func controlGroup(root fs.FS) string {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return "/"
	}
	for line := range strings.Lines(string(text)) {
		if dir, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path.Clean("/" + dir)
		}
	}
	return "/"
}

// number reads a file that holds one number.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// field reads the number that follows a name at the start of a line.
func field(root fs.FS, name, key string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == key {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
