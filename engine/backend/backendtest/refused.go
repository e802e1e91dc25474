package backendtest

import (
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// table is n blocks from block first on.
func table(first, n int) []kv.Block {
	blocks := make([]kv.Block, n)
	for i := range blocks {
		blocks[i] = kv.Block(first + i)
	}
	return blocks
}

// valid is a step of two rows: a prompt of 5 tokens and one of 3.
func valid(c backend.Caps) *backend.Step {
	blocks := (5 + c.BlockTokens - 1) / c.BlockTokens
	p := &sched.Plan{ID: 1, Rows: []sched.Row{
		{Seq: 1, Slot: 0, N: 5, Sample: true, NewBlocks: table(0, blocks)},
		{Seq: 2, Slot: 1, N: 3, Sample: true, NewBlocks: table(blocks, blocks)},
	}}
	for _, r := range p.Rows {
		p.Shape = p.Shape.With(r.Start, r.N, r.Sample)
	}
	greedy := sample.Pick{Forced: -1, Logprobs: -1}
	return &backend.Step{Plan: p, Tokens: []int32{1, 2, 3, 4, 5, 6, 7, 8}, Picks: []sample.Pick{greedy, greedy}}
}

// malformed are steps that do not fit, made from a valid one.
var malformed = []struct {
	name   string
	change func(*backend.Step, backend.Caps)
}{
	{"no plan", func(s *backend.Step, _ backend.Caps) { s.Plan = nil }},
	{"no rows", func(s *backend.Step, _ backend.Caps) { *s = backend.Step{Plan: &sched.Plan{ID: 1}} }},
	{"too few tokens", func(s *backend.Step, _ backend.Caps) { s.Tokens = s.Tokens[:7] }},
	{"too many tokens", func(s *backend.Step, _ backend.Caps) { s.Tokens = append(s.Tokens, 9) }},
	{"more tokens than the budget", func(s *backend.Step, c backend.Caps) {
		for i := range s.Plan.Rows {
			s.Plan.Rows[i].N = int32(c.Budget/2 + 1)
			s.Plan.Rows[i].NewBlocks = table(0, c.Context/c.BlockTokens)
		}
		s.Tokens = make([]int32, 2*(c.Budget/2+1))
	}},
	{"token out of the vocabulary", func(s *backend.Step, c backend.Caps) { s.Tokens[2] = int32(c.Vocab) }},
	{"negative token", func(s *backend.Step, _ backend.Caps) { s.Tokens[2] = -1 }},
	{"unknown slot", func(s *backend.Step, c backend.Caps) { s.Plan.Rows[1].Slot = int32(c.Slots) }},
	{"negative slot", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[1].Slot = -1 }},
	{"two rows of a slot", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[1].Slot = 0 }},
	{"block out of range", func(s *backend.Step, c backend.Caps) { s.Plan.Rows[0].NewBlocks[0] = kv.Block(c.Blocks) }},
	{"negative block", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].NewBlocks[0] = -1 }},
	{"too few blocks", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].NewBlocks = nil }},
	{"a table with a hole", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].FirstBlock = 3 }},
	{"beyond the context", func(s *backend.Step, c backend.Caps) { s.Plan.Rows[0].Start = int32(c.Context) }},
	{"negative start", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].Start = -1 }},
	{"a row of no tokens", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].N, s.Tokens = 0, s.Tokens[:3] }},
	{"from a device that chose nothing", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].FromDevice = true }},
	{"too few picks", func(s *backend.Step, _ backend.Caps) { s.Picks = s.Picks[:1] }},
	{"too many picks", func(s *backend.Step, _ backend.Caps) { s.Plan.Rows[0].Sample = false }},
	{"forced out of the vocabulary", func(s *backend.Step, c backend.Caps) { s.Picks[0].Forced = int32(c.Vocab) }},
	{"a short mask", func(s *backend.Step, _ backend.Caps) { s.Picks[1].Mask = []uint64{} }},
	{"copy out of range", func(s *backend.Step, c backend.Caps) {
		s.Plan.Copies = []kv.Copy{{From: 0, To: kv.Block(c.Blocks), Tokens: 1}}
	}},
	{"copy of more than a block", func(s *backend.Step, c backend.Caps) {
		s.Plan.Copies = []kv.Copy{{From: 0, To: 1, Tokens: int32(c.BlockTokens + 1)}}
	}},
}

// refused: each step that does not fit gives an error, and the backend then
// only answers Close.
func (s Suite) refused(t *testing.T) {
	size := s.BlockTokens[0]
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			b := s.open(t, size, slots)
			step := valid(b.Caps())
			c.change(step, b.Caps())
			var r backend.Result
			err := b.Submit(step)
			if err == nil {
				err = b.Wait(&r)
			}
			if err == nil {
				t.Fatal("not refused")
			}
			if len(err.Error()) < 10 {
				t.Errorf("the error says nothing: %q", err)
			}
			if b.Submit(valid(b.Caps())) == nil {
				t.Error("Submit after an error is answered")
			}
			if b.Wait(&r) == nil {
				t.Error("Wait after an error is answered")
			}
		})
	}
}

// life: a valid step runs, Wait and Submit are refused where there is nothing
// to wait for or no room, and Close may be called twice.
func (s Suite) life(t *testing.T) {
	size := s.BlockTokens[0]
	var r backend.Result
	t.Run("a step", func(t *testing.T) {
		b := s.open(t, size, slots)
		if err := b.Submit(valid(b.Caps())); err != nil {
			t.Fatal(err)
		}
		if err := b.Wait(&r); err != nil || r.Plan != 1 || len(r.Choices) != 2 {
			t.Errorf("result %+v, %v", r, err)
		}
	})
	t.Run("nothing to wait for", func(t *testing.T) {
		if s.open(t, size, slots).Wait(&r) == nil {
			t.Error("Wait with no step under way is answered")
		}
	})
	t.Run("more than depth", func(t *testing.T) {
		b := s.open(t, size, slots)
		for i := range b.Caps().Depth + 1 {
			step := valid(b.Caps())
			step.Plan.ID = uint64(i + 1)
			if err := b.Submit(step); err != nil {
				t.Fatal(err)
			}
		}
		if b.Submit(valid(b.Caps())) == nil {
			t.Error("more than Depth + 1 steps are under way")
		}
	})
	t.Run("closed", func(t *testing.T) {
		b := s.open(t, size, slots)
		if err := b.Submit(valid(b.Caps())); err != nil {
			t.Fatal(err)
		}
		for range 2 { // with a step under way; the suite's own Close is a third
			if err := b.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if b.Submit(valid(b.Caps())) == nil || b.Wait(&r) == nil {
			t.Error("a closed backend runs steps")
		}
	})
}

// allocations: a decode step allocates nothing once slices have grown.
func (s Suite) allocations(t *testing.T) {
	b := s.open(t, s.BlockTokens[len(s.BlockTokens)-1], slots)
	c := b.Caps()
	perRow := c.Context / c.BlockTokens
	plan := &sched.Plan{ID: 1}
	step := &backend.Step{Plan: plan}
	for i := range min(4, c.Blocks/perRow) {
		plan.Rows = append(plan.Rows, sched.Row{Seq: uint64(i + 1), Slot: int32(i), N: 1, Sample: true, NewBlocks: table(i*perRow, perRow)})
		step.Tokens = append(step.Tokens, int32(i))
		step.Picks = append(step.Picks, sample.Pick{Params: sample.Params{Temperature: float32(i) / 2, TopK: 10 * i}, Forced: -1, Logprobs: -1})
	}
	var r backend.Result
	one := func() {
		plan.Shape = sched.Shape{}
		for i := range plan.Rows {
			plan.Shape = plan.Shape.With(plan.Rows[i].Start, 1, true)
		}
		if err := b.Submit(step); err != nil {
			t.Fatal(err)
		}
		if err := b.Wait(&r); err != nil {
			t.Fatal(err)
		}
		plan.ID++
		for i := range plan.Rows {
			row := &plan.Rows[i]
			row.Start++
			row.FirstBlock, row.NewBlocks = int32(perRow), nil
			step.Tokens[i] = r.Choices[i].Token
		}
	}
	one()
	one()
	if n := testing.AllocsPerRun(50, one); n != 0 {
		t.Errorf("a decode step allocates %v times", n)
	}
}
