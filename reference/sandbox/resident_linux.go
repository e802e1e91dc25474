package sandbox

import (
	"bytes"
	"os"
	"strconv"
)

// resident is how much memory a process holds, in bytes. A child's own account
// will not do: Linux begins a process's peak with that of the process that
// started it, whose model may be larger than any child.
func resident(pid int) (int64, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text) // size, resident, ... in pages
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
