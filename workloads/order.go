package workloads

import (
	"container/heap"
	"slices"
	"sort"
	"strings"
)

// Each step i has two moments that others depend on: its start (number 2i)
// and its tools being done (2i+1). The answer's moment needs no number: it
// depends on the start alone.
func start(step int) int { return 2 * step }
func done(step int) int  { return 2*step + 1 }

// needs lists, for every moment, the moments that come before it: a start
// follows the moments that the step waits for and the start of the step whose
// context it keeps; a step's tools are done after it has started and after
// all the steps that its calls spawn are done.
func (l *links) needs() [][]int {
	needs := make([][]int, 2*len(l.steps))
	for i := range l.steps {
		s := &l.steps[i]
		for _, a := range s.After {
			switch {
			case a.Step == "":
			case a.On.moment() == OnToolsDone:
				needs[start(i)] = append(needs[start(i)], done(l.index[a.Step]))
			default:
				needs[start(i)] = append(needs[start(i)], start(l.index[a.Step]))
			}
		}
		if b := l.base[i]; b >= 0 {
			needs[start(i)] = append(needs[start(i)], start(b))
		}
		needs[done(i)] = append(needs[done(i)], start(i))
		if o := l.owner[i].step; o >= 0 {
			needs[done(o)] = append(needs[done(o)], done(i))
		}
	}
	return needs
}

// order sorts the steps topologically by their starts; among steps that are
// free to start, the first in the file goes first.
func (l *links) order() ([]int, *Error) {
	needs := l.needs()
	waiting := make([]int, len(needs))
	next := make([][]int, len(needs))
	for m, before := range needs {
		waiting[m] = len(before)
		for _, b := range before {
			next[b] = append(next[b], m)
		}
	}
	ready := &moments{}
	for m := range needs {
		if waiting[m] == 0 {
			ready.IntSlice = append(ready.IntSlice, m)
		}
	}
	order := make([]int, 0, len(l.steps))
	for ready.Len() > 0 {
		m := heap.Pop(ready).(int)
		if m%2 == 0 {
			order = append(order, m/2)
		}
		for _, n := range next[m] {
			if waiting[n]--; waiting[n] == 0 {
				heap.Push(ready, n)
			}
		}
	}
	if len(order) < len(l.steps) {
		return nil, l.cycle(needs, waiting)
	}
	return order, nil
}

// cycle names the steps of one circle among the moments that never became
// ready.
func (l *links) cycle(needs [][]int, waiting []int) *Error {
	m := slices.IndexFunc(waiting, func(n int) bool { return n > 0 })
	var walk []int
	at := map[int]int{}
	for {
		if first, again := at[m]; again {
			walk = walk[first:]
			break
		}
		at[m] = len(walk)
		walk = append(walk, m)
		m = needs[m][slices.IndexFunc(needs[m], func(n int) bool { return waiting[n] > 0 })]
	}
	slices.Reverse(walk) // causes first
	var steps []int
	for _, m := range walk {
		if n := len(steps); n == 0 || steps[n-1] != m/2 {
			steps = append(steps, m/2)
		}
	}
	if n := len(steps); n > 1 && steps[0] == steps[n-1] {
		steps = steps[:n-1]
	}
	first := slices.Index(steps, slices.Min(steps))
	steps = append(steps[first:], steps[:first+1]...)
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = l.steps[s].ID
	}
	return fault("after", "each waits for the one before it; contexts and spawned steps count too",
		"a cycle: %s", strings.Join(names, " -> ")).at(steps[0], names[0])
}

// moments is a heap of the moments that may pass now.
type moments struct{ sort.IntSlice }

// Push adds a moment.
func (h *moments) Push(x any) { h.IntSlice = append(h.IntSlice, x.(int)) }

// Pop removes the last moment.
func (h *moments) Pop() any {
	last := h.IntSlice[len(h.IntSlice)-1]
	h.IntSlice = h.IntSlice[:len(h.IntSlice)-1]
	return last
}
