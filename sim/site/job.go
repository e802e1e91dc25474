package site

import "time"

// Job is a request, with its work as the time that each phase would take on
// an otherwise empty server of speed 1.
type Job struct {
	Tag     uint64        // the caller's own name for it
	Prefill time.Duration // work to the first token
	Decode  time.Duration // work from there to the last
}

// Handle names a job for as long as the server holds it. Zero names none.
type Handle uint64

// Outcome is what became of an arrival.
type Outcome uint8

const (
	Admitted Outcome = iota // in service at once
	Queued                  // waits for a place
	Rejected                // the queue is full: HTTP 429
	Refused                 // the server is down: HTTP 503
	TooLong                 // exceeds the model's context: HTTP 400; batching only
)

func (o Outcome) String() string {
	return [...]string{"admitted", "queued", "rejected", "refused", "too long"}[o]
}

// Phase is where a job is.
type Phase uint8

const (
	Waiting Phase = iota
	Prefilling
	Decoding
)

func (p Phase) String() string {
	return [...]string{"waiting", "prefilling", "decoding"}[p]
}

// Kind is what happened to a job.
type Kind uint8

const (
	Started    Kind = iota // taken into service
	FirstToken             // prefill done, decode begun
	Done                   // all work done; the handle is void
	Cancelled              // by Cancel; the handle is void
	Failed                 // the server went down; the handle is void
)

func (k Kind) String() string {
	return [...]string{"started", "first token", "done", "cancelled", "failed"}[k]
}

// Transition is one change of a job's state. A stamp that the job has not
// reached equals At, so that the three parts of Split always sum to At-Arrived.
type Transition struct {
	Kind    Kind
	From    Phase // where the job was before
	Handle  Handle
	Tag     uint64
	At      time.Duration
	Arrived time.Duration
	Started time.Duration
	First   time.Duration // the first token

	Cached, Output int32 // tokens found resident at the start, and produced; batching only
}

// Split is the time from arrival to the transition by cause.
func (t *Transition) Split() (queue, prefill, decode time.Duration) {
	return t.Started - t.Arrived, t.First - t.Started, t.At - t.First
}

// none ends a list of jobs.
const none = -1

// job is a slot of the slab that holds a server's jobs.
type job struct {
	Job
	arrived, started, first time.Duration
	seq                     uint64 // arrival number
	gen                     uint32 // of the slot: a handle from before is void
	phase                   Phase
	held                    bool
	place                   int32 // in its clock's heap, while in service
	prev, next              int32 // in the queue; next also in the free list
}

func handle(id int32, gen uint32) Handle { return Handle(gen)<<32 | Handle(id+1) }

// find resolves a handle; ok is false when its job is gone.
func (s *Server) find(h Handle) (id int32, ok bool) {
	id = int32(uint32(h)) - 1
	if id < 0 || int(id) >= len(s.slab) {
		return none, false
	}
	j := &s.slab[id]
	return id, j.held && j.gen == uint32(h>>32)
}

// hold puts an arrival into the slab.
func (s *Server) hold(now time.Duration, j Job) int32 {
	id := s.free
	if id == none {
		s.slab = append(s.slab, job{})
		id = int32(len(s.slab) - 1)
	} else {
		s.free = s.slab[id].next
	}
	gen := s.slab[id].gen
	s.slab[id] = job{Job: j, arrived: now, seq: s.stats.Arrived, gen: gen, held: true, prev: none, next: none}
	return id
}

// release frees a job's slot.
func (s *Server) release(id int32) {
	j := &s.slab[id]
	j.held = false
	j.gen++
	j.next = s.free
	s.free = id
}

// enqueue appends a job to the queue.
func (s *Server) enqueue(id int32) {
	if s.tail == none {
		s.head = id
	} else {
		s.slab[s.tail].next = id
		s.slab[id].prev = s.tail
	}
	s.tail = id
	s.queued++
	s.queuedWork += s.slab[id].Prefill + s.slab[id].Decode
	s.stats.MaxQueued = max(s.stats.MaxQueued, s.queued)
}

// dequeue takes a job out of the queue, wherever in it the job is.
func (s *Server) dequeue(id int32) {
	j := &s.slab[id]
	if j.prev == none {
		s.head = j.next
	} else {
		s.slab[j.prev].next = j.next
	}
	if j.next == none {
		s.tail = j.prev
	} else {
		s.slab[j.next].prev = j.prev
	}
	s.queued--
	s.queuedWork -= j.Prefill + j.Decode
}
