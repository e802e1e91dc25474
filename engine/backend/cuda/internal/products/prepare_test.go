package products

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
)

// planted is a candidate that computes as another does and then spoils y, or
// takes its time.
type planted struct {
	candidate
	name    string
	spoil   func(p *kernels.ProductParams) error
	bits    bool
	dropped int
}

func (c *planted) String() string { return c.name }
func (c *planted) trusted() bool  { return c.bits }
func (c *planted) drop() error    { c.dropped++; return nil }

func (c *planted) multiply(s driver.Stream, p *kernels.ProductParams) error {
	if err := c.candidate.multiply(s, p); err != nil {
		return err
	}
	return c.spoil(p)
}

func honest(*kernels.ProductParams) error { return nil }

// TestAdmit plants candidates in batch-invariant mode: one that does not depend on
// the batch is taken, those that do, or fail, are not.
func TestAdmit(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r, Options{Invariant: true})
		n := someShapes[0].N
		flip := func(row, bucket int) func(p *kernels.ProductParams) error {
			return func(p *kernels.ProductParams) error { // the lowest bit of the last element of a row
				if bucket <= row {
					return nil
				}
				at, bits := p.Y+driver.Ptr((row*n+n-1)*2), make([]byte, 2)
				err := errors.Join(r.Context.Synchronize(b.stream), r.Context.CopyOut(bits, at, b.stream), r.Context.Synchronize(b.stream))
				bits[0] ^= 1
				return errors.Join(err, r.Context.CopyIn(at, bits, b.stream), r.Context.Synchronize(b.stream))
			}
		}
		want := map[int]string{}
		var all []*planted
		for bucket, at := range b.p.places[0] {
			first := at.chosen
			for name, spoil := range map[string]func(p *kernels.ProductParams) error{
				"honest": honest, "other first row": flip(0, bucket), "other last row": flip(bucket-1, bucket), "other middle": flip(bucket/2, bucket),
				"fails": func(*kernels.ProductParams) error { return errors.New("not supported") },
			} {
				c := &planted{candidate: first, name: name, spoil: spoil}
				all = append(all, c)
				at.candidates = append([]candidate{c}, at.candidates...)
			}
			want[bucket] = "honest"
		}
		if err := b.p.Prepare(b.stream, b.operands); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.p.Choices() {
			if c.Shape.Name == someShapes[0].Name && c.By != want[c.Tokens] {
				t.Errorf("%d tokens are multiplied by %q, want %q", c.Tokens, c.By, want[c.Tokens])
			}
		}
		b.check()
		if err := b.p.Close(); err != nil {
			t.Error(err)
		}
		for _, c := range all {
			if c.dropped == 0 {
				t.Errorf("%s is not dropped", c.name)
			}
		}
	})
}

// TestBroken lets a kernel of this project leave rows out, which is no matter of
// choice.
func TestBroken(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r, Options{Invariant: true})
		// For one token, whose grid has one tile: fewer rows than the bucket.
		b.p.places[0][24].candidates = []candidate{b.p.places[0][1].chosen}
		if err := b.p.Prepare(b.stream, b.operands); err == nil || !strings.Contains(err.Error(), "has other bits than in another batch") {
			t.Errorf("a kernel that leaves rows as they are: %v", err)
		}
	})
}

// clock is a context whose events are stamped with a time of its own.
type clock struct {
	driver.Context
	now time.Duration
	at  map[driver.Event]time.Duration
}

func (c *clock) Record(e driver.Event, s driver.Stream) error {
	c.at[e] = c.now
	return c.Context.Record(e, s)
}

func (c *clock) Elapsed(from, to driver.Event) (time.Duration, error) {
	return c.at[to] - c.at[from], nil
}

// TestTune takes the quickest, and the first where it is hardly slower.
func TestTune(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r, Options{Tune: true})
		c := &clock{Context: r.Context, at: map[driver.Event]time.Duration{}}
		b.p.dev = c
		at := b.p.places[0][48]
		b.p.places = []map[int]*place{{48: at}, {}}
		taking := func(name string, took time.Duration) candidate {
			return &planted{candidate: at.chosen, name: name, bits: true, spoil: func(*kernels.ProductParams) error {
				c.now += took
				return nil
			}}
		}
		own := at.candidates
		slow, quick, near := taking("slow", 300), taking("quick", 200), taking("a little quicker", 199)
		for _, order := range [][]candidate{{slow, quick}, {quick, slow}, {quick, near}} {
			at.candidates = order
			if err := b.p.Prepare(b.stream, b.operands); err != nil {
				t.Fatal(err)
			}
			if at.chosen != quick {
				t.Errorf("of %v %v is taken, want %v", order, at.chosen, quick)
			}
		}
		at.candidates = own
		if err := b.p.Prepare(b.stream, b.operands[:1]); err == nil || !strings.Contains(err.Error(), "operands of 1 shapes for 2") {
			t.Errorf("operands of one shape for two: %v", err)
		}
		b.operands[1].W = nil
		if err := b.p.Prepare(b.stream, b.operands); err == nil || !strings.Contains(err.Error(), "no weights") {
			t.Errorf("operands without weights: %v", err)
		}
	})
}
