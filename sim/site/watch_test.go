package site

import (
	"time"

	"pgregory.net/rapid"
)

// watch sees a server from outside, by what it answers, and holds it to the
// numbered invariants of the package comment.
type watch struct {
	s       *Server
	slots   int
	handles map[uint64]Handle
	jobs    map[uint64]*Job // held by the server
	phase   map[uint64]Phase
	waiting []uint64 // tags in order of arrival

	last                    time.Duration
	count                   [5]uint64 // transitions by kind
	offers                  [4]uint64 // arrivals by outcome
	queue, prefill, decode  time.Duration
	prefillWork, decodeWork time.Duration // of jobs that completed the phase
	cut                     bool          // some job ended inside a phase
}

func newWatch(s *Server, slots int) *watch {
	return &watch{s: s, slots: slots, handles: map[uint64]Handle{}, jobs: map[uint64]*Job{}, phase: map[uint64]Phase{}}
}

// offered notes the answer to an arrival; it comes before the transitions
// that the arrival brought are observed.
func (w *watch) offered(t *rapid.T, j Job, h Handle, o Outcome) {
	w.offers[o]++
	w.handles[j.Tag] = h
	if (h != 0) != (o == Admitted || o == Queued) {
		t.Fatalf("job %d %v with handle %#x", j.Tag, o, h)
	}
	if h != 0 {
		w.jobs[j.Tag] = &j
		w.phase[j.Tag] = Waiting
		w.waiting = append(w.waiting, j.Tag)
	}
}

func (w *watch) observe(t *rapid.T, out []Transition) {
	for _, tr := range out {
		w.transition(t, tr)
	}
	s := w.s
	st := s.Stats()
	held := uint64(s.Queued() + s.InService())
	if st.Arrived != st.Refused+st.Rejected+st.Done+st.Cancelled+st.Failed+held || held != uint64(len(w.jobs)) {
		t.Fatalf("I1 jobs: %+v with %d held, %d seen", st, held, len(w.jobs))
	}
	if s.InService() > w.slots {
		t.Fatalf("I4 occupancy: %d in service, %d slots", s.InService(), w.slots)
	}
	if s.Queued() > 0 && s.InService() < w.slots {
		t.Fatalf("I5 work conserving: %d queued, %d in service", s.Queued(), s.InService())
	}
	if s.Down() && held > 0 {
		t.Fatalf("I8 down: holds %d jobs", held)
	}
	var queued time.Duration
	for _, tag := range w.waiting {
		queued += w.jobs[tag].Prefill + w.jobs[tag].Decode
	}
	if queued != s.QueuedWork() || len(w.waiting) != s.Queued() {
		t.Fatalf("QueuedWork %v, want %v", s.QueuedWork(), queued)
	}
}

func (w *watch) transition(t *rapid.T, tr Transition) {
	if tr.At < w.last {
		t.Fatalf("I6 order: %+v after %v", tr, w.last)
	}
	w.last = tr.At
	j := w.jobs[tr.Tag]
	if j == nil || w.phase[tr.Tag] != tr.From || w.handles[tr.Tag] != tr.Handle {
		t.Fatalf("I1 jobs: %+v of a job not held so", tr)
	}
	w.count[tr.Kind]++
	switch tr.Kind {
	case Started:
		if w.waiting[0] != tr.Tag {
			t.Fatalf("I7 FCFS: job %d started before %d", tr.Tag, w.waiting[0])
		}
		w.waiting = w.waiting[1:]
		w.phase[tr.Tag] = Prefilling
		return
	case FirstToken:
		w.phase[tr.Tag] = Decoding
		w.prefillWork += j.Prefill
		return
	case Done:
		w.decodeWork += j.Decode
	default:
		w.cut = w.cut || tr.From != Waiting
		for i, tag := range w.waiting {
			if tag == tr.Tag {
				w.waiting = append(w.waiting[:i:i], w.waiting[i+1:]...)
				break
			}
		}
	}
	delete(w.jobs, tr.Tag)
	q, p, d := tr.Split()
	if q < 0 || p < 0 || d < 0 || q+p+d != tr.At-tr.Arrived {
		t.Fatalf("I2 time: %v + %v + %v in %+v", q, p, d, tr)
	}
	w.queue, w.prefill, w.decode = w.queue+q, w.prefill+p, w.decode+d
}

// drained checks the sums once the server is empty.
func (w *watch) drained(t *rapid.T) {
	st := w.s.Stats()
	if len(w.jobs) > 0 {
		t.Fatalf("not drained: %d jobs", len(w.jobs))
	}
	if w.queue != st.QueueTime || w.prefill != st.PrefillTime || w.decode != st.DecodeTime {
		t.Fatalf("I2 time: jobs spent %v + %v + %v, the server counted %+v", w.queue, w.prefill, w.decode, st)
	}
	offers := [4]uint64{Rejected: st.Rejected, Refused: st.Refused, Queued: w.offers[Queued]}
	offers[Admitted] = st.Arrived - st.Rejected - st.Refused - w.offers[Queued]
	count := [5]uint64{Started: st.Started, FirstToken: w.count[FirstToken], Done: st.Done, Cancelled: st.Cancelled, Failed: st.Failed}
	if w.offers != offers || w.count != count {
		t.Fatalf("I1 jobs: %+v, seen %v and %v", st, w.offers, w.count)
	}
	// The overshoot of a job is less than what a nanosecond delivers: speed 3.
	if st.PrefillWork < w.prefillWork || st.DecodeWork < w.decodeWork {
		t.Fatalf("I3 work: %v + %v done, %v + %v delivered", w.prefillWork, w.decodeWork, st.PrefillWork, st.DecodeWork)
	}
	if over := time.Duration(3 * (w.count[FirstToken] + w.count[Done])); !w.cut &&
		st.PrefillWork+st.DecodeWork > w.prefillWork+w.decodeWork+over {
		t.Fatalf("I3 work: %v + %v done, %v + %v delivered", w.prefillWork, w.decodeWork, st.PrefillWork, st.DecodeWork)
	}
}
