package kernels

import "fmt"

// kernelID is a kernel of a Set.
type kernelID int

const (
	kTables kernelID = iota
	kCopyBlock
	kEmbed
	kNorm
	kKeys
	kSiLU
	kSeeded
	kAngles
	kChoose
	kAttendDecode
	kAttendCombine
	kAttendPrefill
	kernelCount
)

// entry is how a kernel is compiled and launched.
type entry struct {
	name    string   // of the unit, of its file without ".cu", and of the function
	threads int      // of a block, and the macro THREADS
	shared  int      // the most dynamic shared memory that a launch asks for, in bytes
	strides bool     // its blocks take work in turn: a grid is what the device holds at once
	macros  []string // beyond those that all kernels share
}

// entries are the kernels of a Set: this is the one place that lists them.
func (s Spec) entries() [kernelCount]entry {
	m := s.Model
	return [kernelCount]entry{
		kTables:    {name: "tables", threads: 256},
		kCopyBlock: {name: "copy_block", threads: 256},
		kEmbed:     {name: "embed", threads: blockThreads(m.Hidden/4, 4)},
		kNorm:      {name: "rms_norm", threads: blockThreads(m.Hidden/4, 2)},
		kKeys:      {name: "keys", threads: blockThreads((m.Heads+2*m.KVHeads)*m.HeadDim/16, 3)},
		kSiLU:      {name: "silu", threads: 256},
		kSeeded:    {name: "seeded", threads: 256},
		kAngles:    {name: "angles", threads: 256},
		kChoose:    chooseEntry(m),

		kAttendDecode:  s.decodeEntry(),
		kAttendCombine: {name: "attend_combine", threads: 128},
		kAttendPrefill: s.prefillEntry(),
	}
}

// Units are the sources that a Set is compiled from, with their macros.
func (s Spec) Units() []Unit {
	units := make([]Unit, kernelCount)
	for i, e := range s.entries() {
		units[i] = s.unit(e)
	}
	return units
}

func (s Spec) unit(e entry) Unit {
	return s.Unit(e.name, e.name+".cu", append(e.macros, fmt.Sprintf("THREADS=%d", e.threads))...)
}

// blockThreads is the size of a block that shares so many pieces of a row, each
// of its threads about that many: whole warps, at most 1024 threads.
func blockThreads(pieces, each int) int {
	return min(max(32, ceilDiv(ceilDiv(pieces, each), 32)*32), 1024)
}

func ceilDiv(n, unit int) int { return (n + unit - 1) / unit }
