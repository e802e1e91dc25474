package sched

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tierlab/engine/kv"
)

var rewrite = flag.Bool("rewrite", false, "write the golden traces anew")

// prompt is n tokens that start with those of every prompt of the same family.
func prompt(family int32, n int) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = family + int32(i)
	}
	return list
}

// scenarios are small cases whose plans can be followed by eye.
var scenarios = []struct {
	name  string
	cfg   Config
	cache kv.Config
	play  func(*engine)
}{
	{"chunks beside decodes", Config{Slots: 3, Budget: 16, Queue: 8}, kv.Config{Blocks: 32, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 8, Forced: true}, prompt(10, 5))
		e.step()
		e.must(Request{ID: 2, MaxTokens: 3, Forced: true}, prompt(40, 30))
	}},
	{"stall bound", Config{Slots: 3, Budget: 16, Queue: 8, Stall: 5165 * time.Microsecond}, kv.Config{Blocks: 32, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 8, Forced: true}, prompt(10, 5))
		e.step()
		e.must(Request{ID: 2, MaxTokens: 3, Forced: true}, prompt(40, 30))
	}},
	{"one prefix computed once", Config{Slots: 4, Budget: 24, Queue: 8}, kv.Config{Blocks: 32, BlockTokens: 4}, func(e *engine) {
		for id := range uint64(3) {
			e.must(Request{ID: id + 1, MaxTokens: 2, Forced: true}, append(prompt(10, 12), int32(50+id)))
		}
	}},
	{"preemption by recompute", Config{Slots: 2, Budget: 16, Queue: 8}, kv.Config{Blocks: 5, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 10, Forced: true}, prompt(10, 7))
		e.must(Request{ID: 2, MaxTokens: 8, Forced: true}, prompt(40, 7))
	}},
	{"priority takes a slot", Config{Slots: 1, Budget: 8, Queue: 8, Aging: time.Second}, kv.Config{Blocks: 8, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 5, Forced: true}, prompt(10, 5))
		e.step()
		e.must(Request{ID: 2, MaxTokens: 2, Forced: true, Priority: 1}, prompt(40, 3))
	}},
	{"fork copies on write", Config{Slots: 2, Budget: 16, Queue: 8}, kv.Config{Blocks: 16, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 6, Forced: true}, prompt(10, 7))
		e.step()
		e.must(Request{ID: 2, MaxTokens: 3, Forced: true, Fork: 1}, prompt(10, 7))
	}},
	{"late end at depth 1", Config{Slots: 2, Budget: 16, Queue: 8, Depth: 1}, kv.Config{Blocks: 16, BlockTokens: 4}, func(e *engine) {
		e.must(Request{ID: 1, MaxTokens: 20}, prompt(1, 3))
		e.must(Request{ID: 2, MaxTokens: 4, Forced: true, Host: true}, prompt(40, 3))
	}},
}

func (e *engine) must(r Request, tokens []int32) {
	if err := e.add(&call{Request: r, prompt: tokens, ends: true}); err != nil {
		panic(err)
	}
}

func TestGoldenPlans(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			trace := func() string {
				e := newEngine(sc.cfg, sc.cache, gpu)
				sc.play(e)
				for e.step() {
				}
				text := strings.Join(e.trace, "\n") + "\n"
				for _, ev := range e.events {
					if ev.Kind != Produced {
						text += fmt.Sprintf("%v: %d %s %d\n", ev.At, ev.Seq, [...]string{"", "started", "preempted", "", "finished", "stopped"}[ev.Kind], ev.N)
					}
				}
				return text + fmt.Sprintf("discarded %d, cached %d, copied %d\n", e.s.Stats().Discarded, e.s.Stats().Cached, e.s.cache.Stats().Copied)
			}
			got := trace()
			if again := trace(); again != got {
				t.Fatalf("the same calls gave other plans:\n%s\n%s", got, again)
			}
			file := filepath.Join("testdata", strings.ReplaceAll(sc.name, " ", "-")+".txt")
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("plans changed (-rewrite accepts them):\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
