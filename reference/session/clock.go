package session

import (
	"container/heap"
	"sync"
	"time"
)

// clock is the runtime's timers: one entry for each actor that waits for a time,
// one goroutine and one timer of the operating system's for all.
type clock struct {
	now  func() time.Time
	mu   sync.Mutex
	heap alarms
	bell chan struct{}
}

// entry is an actor's place in the heap.
type entry struct {
	at    time.Time
	index int // -1: not in the heap
	ring  func()
}

type alarms []*entry

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, k int) bool { return h[i].at.Before(h[k].at) }
func (h alarms) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].index, h[k].index = i, k
}
func (h *alarms) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *alarms) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}

// set makes e ring at a time, unless it rings before that already: an entry that
// rings too early costs less than one that is moved each time.
func (c *clock) set(e *entry, at time.Time) {
	c.mu.Lock()
	if e.index >= 0 && !at.Before(e.at) {
		c.mu.Unlock()
		return
	}
	e.at = at
	if e.index >= 0 {
		heap.Fix(&c.heap, e.index)
	} else {
		heap.Push(&c.heap, e)
	}
	first := e.index == 0
	c.mu.Unlock()
	if first {
		select {
		case c.bell <- struct{}{}:
		default:
		}
	}
}

// drop makes e not ring.
func (c *clock) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.index >= 0 {
		heap.Remove(&c.heap, e.index)
	}
}

// due takes the entries whose time has come, and says how long it is until the
// next one's.
func (c *clock) due() (list []*entry, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for len(c.heap) > 0 && !c.heap[0].at.After(now) {
		list = append(list, heap.Pop(&c.heap).(*entry))
	}
	wait = time.Hour
	if len(c.heap) > 0 {
		wait = c.heap[0].at.Sub(now)
	}
	return list, wait
}

// run rings until stop is closed.
func (c *clock) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		list, wait := c.due()
		for _, e := range list {
			e.ring()
		}
		if len(list) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.bell:
		case <-stop:
			return
		}
	}
}
