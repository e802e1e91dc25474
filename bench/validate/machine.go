package validate

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
)

// Machine is where the processors' time went during a run, as shares of it.
// Where the system does not tell, Known is false.
type Machine struct {
	Known  bool    `json:"known"`
	Steal  float64 `json:"steal"`  // taken by the hypervisor
	Idle   float64 `json:"idle"`   // with input and output that was waited for
	Others float64 `json:"others"` // of other processes and the kernel
}

// clock is a reading of the system's counters, in its own ticks.
type clock struct{ all, idle, steal, own uint64 }

// readClock reads /proc/stat, whose first line is "cpu user nice system idle
// iowait irq softirq steal guest guest_nice" over all processors, and
// /proc/self/stat, whose fields 14 and 15 are this process's user and system
// time (proc(5)). ok is false where they are not there.
func readClock() (c clock, ok bool) {
	system, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, false
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return c, false
	}
	return parseClock(system, own)
}

func parseClock(system, own []byte) (c clock, ok bool) {
	line, _, _ := bytes.Cut(system, []byte("\n"))
	fields := numbers(line)
	// The second field, the command's name in brackets, may hold anything.
	_, rest, found := bytes.Cut(own[max(0, bytes.LastIndexByte(own, ')')):], []byte(" "))
	mine := numbers(rest)
	if !found || len(fields) < 9 || len(mine) < 13 {
		return c, false
	}
	for _, n := range fields[1:9] { // guests' time is in user's
		c.all += n
	}
	return clock{all: c.all, idle: fields[4] + fields[5], steal: fields[8], own: mine[11] + mine[12]}, true
}

// numbers are a line's fields, 0 for what is no number.
func numbers(line []byte) []uint64 {
	var all []uint64
	words := bufio.NewScanner(bytes.NewReader(line))
	words.Split(bufio.ScanWords)
	for words.Scan() {
		n, _ := strconv.ParseUint(words.Text(), 10, 64)
		all = append(all, n)
	}
	return all
}

// since is where the time went between two readings.
func (c clock) since(before clock) Machine {
	all := float64(c.all - before.all)
	if all == 0 {
		return Machine{}
	}
	m := Machine{Known: true, Steal: float64(c.steal-before.steal) / all, Idle: float64(c.idle-before.idle) / all}
	m.Others = max(0, 1-m.Steal-m.Idle-float64(c.own-before.own)/all)
	return m
}
