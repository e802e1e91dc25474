package nvrtc

import (
	"regexp"
	"strconv"
	"strings"
)

// Usage is what ptxas reports of one kernel.
type Usage struct {
	Kernel                  string
	Registers               int // of a thread
	Stack                   int // bytes of a thread in local memory
	SpillStores, SpillLoads int // bytes
	Shared                  int // static bytes of a block
	Barriers                int
}

// Usages reads the reports in a log of --ptxas-options=-v, one for each kernel:
//
//	ptxas info    : Compiling entry function 'silu' for 'sm_90a'
//	ptxas info    : Function properties for silu
//	ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
//	ptxas info    : Used 24 registers, used 1 barriers, 1024 bytes smem
func Usages(log string) (all []Usage) {
	entry := regexp.MustCompile(`Compiling entry function '([^']+)'`)
	spills := regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	counts := regexp.MustCompile(`(\d+) (registers|barriers|bytes smem)`)
	for line := range strings.Lines(log) {
		if m := entry.FindStringSubmatch(line); m != nil {
			all = append(all, Usage{Kernel: m[1]})
		}
		if len(all) == 0 {
			continue
		}
		u := &all[len(all)-1]
		if m := spills.FindStringSubmatch(line); m != nil {
			// A function that is not inlined has its own line under its caller's.
			u.Stack, u.SpillStores, u.SpillLoads = u.Stack+number(m[1]), u.SpillStores+number(m[2]), u.SpillLoads+number(m[3])
		}
		for _, m := range counts.FindAllStringSubmatch(line, -1) {
			switch m[2] {
			case "registers":
				u.Registers = number(m[1])
			case "barriers":
				u.Barriers = number(m[1])
			case "bytes smem":
				u.Shared = number(m[1])
			}
		}
	}
	return all
}

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0 // more digits than an int has
	}
	return n
}
