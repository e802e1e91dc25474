package validate

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"tierlab/engine/sched"
	"tierlab/reference/agent"
	"tierlab/workloads"
)

// TestDraw: loads of different rates have the same sessions in the same order,
// with gaps in proportion, and their mean is as asked.
func TestDraw(t *testing.T) {
	lib := library(t)
	const n = 2000
	slow, fast := Draw(lib, n, 2, 1), Draw(lib, n, 8, 1)
	other := Draw(lib, n, 2, 2)
	differ, a := 0, 0
	for i := range slow.Sessions {
		x, y := slow.Sessions[i].Session, fast.Sessions[i].Session
		if x.ID != y.ID || math.Abs(x.Arrival.Seconds()/y.Arrival.Seconds()-4) > 1e-6 {
			t.Fatalf("session %d: %s at %v, and %s at %v", i, x.ID, x.Arrival.D(), y.ID, y.Arrival.D())
		}
		if x.ID[0] != other.Sessions[i].Session.ID[0] {
			differ++
		}
		if x.ID[0] == 'a' {
			a++
		}
	}
	if end := slow.Sessions[n-1].Session.Arrival.Seconds(); math.Abs(end/(n/2)-1) > 0.1 {
		t.Errorf("%d sessions in %g s at 2 per second", n, end)
	}
	if a < n*4/10 || a > n*6/10 || differ < n*4/10 {
		t.Errorf("%d of %d sessions are the first, %d differ with another seed", a, n, differ)
	}
	if !slow.Recorded {
		t.Error("arrivals are not recorded")
	}
}

func TestEnough(t *testing.T) {
	lib := library(t)
	lib.Sessions[1].Steps = lib.Sessions[1].Steps[:1]
	n := Enough(lib, 662, 5)
	if with, without := Calls(Draw(lib, n, 1, 5)), Calls(Draw(lib, n-1, 1, 5)); with < 662 || without >= 662 {
		t.Errorf("%d sessions have %d calls, one fewer has %d", n, with, without)
	}
}

func TestOneSite(t *testing.T) {
	lib := library(t)
	g := OneSite(lib).Sessions[0]
	if s := g.Session; s.Origin != "" || s.Data != nil || s.Budget != nil || g.Steps[0].Step.PII || g.Steps[0].Step.LLM.Pin != "" {
		t.Errorf("%+v, first step %+v", s, g.Steps[0].Step)
	}
	if s := lib.Sessions[0]; s.Session.Data == nil || !s.Steps[0].Step.PII {
		t.Error("the original has changed")
	}
}

func TestFits(t *testing.T) {
	lib := library(t)
	if got := Longest(lib); got != 200 {
		t.Fatalf("longest context %d, want 200", got)
	}
	for _, limit := range []int{10, 50, 199, 200, 1000} {
		f := Fits(lib, limit)
		at := func(f float64) int {
			s, err := lib.Scale(f)
			if err != nil {
				t.Fatal(err)
			}
			return Longest(s)
		}
		if f <= 0 || at(f) > limit || f < 1 && at(f+0.01) <= limit {
			t.Errorf("%d tokens: factor %g", limit, f)
		}
	}
	if f := Fits(lib, 3); f != 0 {
		t.Errorf("a context of 3 tokens holds every step at %g", f)
	}
}

// TestSimulateByHand: a call alone takes its way in, an iteration for each part
// of its prompt and each further token, and its way out.
func TestSimulateByHand(t *testing.T) {
	head, _, _ := strings.Cut(text, `{"kind":"step","id":"2","after":[{"step":"1","on"`) // the second session's first step
	recorded, err := workloads.ReadLibrary(strings.NewReader(head), "w")
	if err != nil {
		t.Fatal(err)
	}
	p := profile()
	lib := OneSite(recorded)
	lib = lib.WithArrivals(workloads.Arrival{Template: 1, At: time.Second})
	s, err := Simulate(context.Background(), lib, settings(4), p, agent.DefaultConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	model := p.Linear()
	step := func(start, n int32, sample bool) time.Duration {
		return model.StepTime(sched.Shape{}.With(start, n, sample))
	}
	first := step(0, 128, false) + step(128, 32, true)
	ttft := ms(p.Overhead.Enter(160) + first + p.Overhead.Leave(1))
	e2e := p.Overhead.Enter(160) + first + p.Overhead.Leave(5)
	var gaps float64
	for i := range int32(4) {
		e2e += step(160+i, 1, true)
		gaps += ms(step(160+i, 1, true)) / 4
	}
	sum := s.Summary()
	for _, c := range [][2]float64{
		{sum.Value[E2E][Mean], ms(e2e)}, {sum.Value[TTFT][P99], ttft}, {sum.Value[ITL][Mean], gaps}, {sum.Value[Queue][Mean], 0},
		{sum.Value[TPOT][P50], (ms(e2e) - ttft) / 4}, {sum.Value[Session][P50], ms(e2e)},
	} {
		if math.Abs(c[0]-c[1]) > 1e-5 {
			t.Errorf("%g ms, by hand %g ms", c[0], c[1])
		}
	}
	if sum.N[ITL] != 4 || s.Calls != 1 {
		t.Errorf("%d gaps, %d calls", sum.N[ITL], s.Calls)
	}
}
