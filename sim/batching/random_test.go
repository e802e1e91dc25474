package batching

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/sim/site"
)

// linear is a step-time model.
type linear struct{ fixed, token, context time.Duration }

func (l linear) StepTime(s sched.Shape) time.Duration {
	return l.fixed + time.Duration(s.Tokens)*l.token + time.Duration(s.Context)*l.context
}

var gpu = linear{fixed: 5 * time.Millisecond, token: 20 * time.Microsecond, context: 100 * time.Nanosecond}

// act is something that happens to a server from outside.
type act struct {
	at     time.Duration
	job    Job
	cancel int // of the job of that act, if above 0
	down   bool
	up     bool
}

// story is a random configuration and what happens under it.
type story struct {
	cfg  Config
	acts []act
}

func (s *story) draw(t *rapid.T) {
	size := rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "block")
	blocks := rapid.IntRange(64/size, 600/size).Draw(t, "blocks")
	slots := rapid.IntRange(1, 6).Draw(t, "slots")
	s.cfg = Config{
		Sched: sched.Config{Slots: slots, Budget: slots + size + rapid.IntRange(0, 60).Draw(t, "budget"),
			Queue: rapid.IntRange(0, 6).Draw(t, "queue"), Depth: rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "ahead"),
			Stall: rapid.SampledFrom([]time.Duration{0, 8 * time.Millisecond}).Draw(t, "stall"), Aging: time.Second},
		KV: kv.Config{Blocks: blocks, BlockTokens: size, KeepBlocks: blocks / 2}, Cost: gpu,
	}
	now := time.Duration(0)
	session := map[int]kv.Chain{}
	for i := range rapid.IntRange(1, 25).Draw(t, "acts") {
		now += time.Duration(rapid.SampledFrom([]int{0, 0, 5, 20, 100, 1000}).Draw(t, "gap")) * time.Millisecond / 2
		a := act{at: now}
		switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); {
		case kind == 0:
			a.down = true
		case kind == 1:
			a.up = true
		case kind < 5 && i > 0:
			a.cancel = rapid.IntRange(1, i).Draw(t, "whom")
		default:
			who := rapid.IntRange(0, 4).Draw(t, "session")
			ch, ok := session[who]
			if !ok {
				ch = kv.NewChain(size, 0).AppendMade(7, 0, rapid.IntRange(0, 40).Draw(t, "shared"))
			}
			out := rapid.IntRange(1, 40).Draw(t, "output")
			ch = ch.AppendMade(uint64(i)<<8, 0, rapid.IntRange(1, 50).Draw(t, "input"))
			a.job = Job{Tag: uint64(i), Work: time.Second, Request: sched.Request{Session: uint64(who), Prompt: ch, MaxTokens: out, Forced: true, Salt: uint64(i)<<8 | 1,
				Priority: uint8(rapid.IntRange(0, 1).Draw(t, "priority")), KeepFor: time.Duration(rapid.IntRange(0, 1).Draw(t, "keep")) * 200 * time.Millisecond}}
			session[who] = ch.AppendMade(a.job.Salt, 0, out)
		}
		s.acts = append(s.acts, a)
	}
}

// play lets a story happen and checks the server after every call.
func (s *story) play(t testing.TB, steps bool) (*Server, []site.Transition, []site.Outcome) {
	cfg := s.cfg
	cfg.Steps = steps
	srv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	handles := make([]site.Handle, len(s.acts))
	var out []site.Transition
	var outcomes []site.Outcome
	check := func() {
		if err := srv.Check(); err != nil {
			t.Fatalf("at %v: %v", srv.now, err)
		}
	}
	for i, a := range s.acts {
		for at, ok := srv.NextAt(); ok && at <= a.at; at, ok = srv.NextAt() {
			out = srv.Advance(at, out)
			check()
		}
		switch {
		case a.down, a.up:
			out = srv.SetDown(a.at, a.down, out)
		case a.cancel > 0:
			_, out = srv.Cancel(a.at, handles[a.cancel-1], out)
		default:
			var o site.Outcome
			handles[i], o, out = srv.Arrive(a.at, a.job, out)
			outcomes = append(outcomes, o)
		}
		check()
	}
	for at, ok := srv.NextAt(); ok; at, ok = srv.NextAt() {
		out = srv.Advance(at, out)
		check()
	}
	return srv, out, outcomes
}

// TestStories holds random servers to B1 to B6.
func TestStories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var s story
		s.draw(rt)
		srv, out, outcomes := s.play(t, false)
		st := srv.Stats()
		if st.Held() != 0 {
			rt.Fatalf("%d jobs are held when nothing is due: %+v", st.Held(), st)
		}
		var queue, service time.Duration
		produced, at := uint64(0), time.Duration(0)
		firsts := map[site.Handle]time.Duration{}
		for i := range out {
			tr := &out[i]
			if tr.At < at {
				rt.Fatalf("%v at %v, after one at %v", tr.Kind, tr.At, at)
			}
			at = tr.At
			q, p, d := tr.Split()
			if q < 0 || p < 0 || d < 0 || q+p+d != tr.At-tr.Arrived {
				rt.Fatalf("the parts %v, %v, %v of %+v", q, p, d, tr)
			}
			switch tr.Kind {
			case site.FirstToken:
				firsts[tr.Handle] = tr.At
			case site.Done, site.Cancelled, site.Failed:
				queue, service, produced = queue+q, service+p+d, produced+uint64(tr.Output)
				if f, ok := firsts[tr.Handle]; ok != (tr.From == site.Decoding) || ok && f != tr.First {
					rt.Fatalf("%+v, with a first token at %v", tr, f)
				}
				if a := s.acts[tr.Tag].job; tr.Kind == site.Done && (int(tr.Output) != a.MaxTokens || int(tr.Cached) >= a.Prompt.Len()) {
					rt.Fatalf("%+v of %+v", tr, a)
				}
			}
		}
		if queue != st.QueueTime || service != st.ServiceTime { // B2
			rt.Fatalf("jobs waited %v and were served %v, by the integrals %v and %v", queue, service, st.QueueTime, st.ServiceTime)
		}
		if produced != st.Sched.Produced {
			rt.Fatalf("%d tokens handed out, %d produced", produced, st.Sched.Produced)
		}
		slow, want, wantOutcomes := s.play(t, true)
		if a, b := fmt.Sprint(out, outcomes, st), fmt.Sprint(want, wantOutcomes, slow.Stats()); a != b { // B6
			rt.Fatalf("by jumps %s\nby steps %s", a, b)
		}
	})
}
