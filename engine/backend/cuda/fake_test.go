package cuda

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the goldens in testdata")

// pretend is a backend over the fake driver, whose choose takes the slot's number
// for the token.
func pretend(tb testing.TB, c Config) (*Backend, *fake.Driver) {
	tb.Helper()
	d := faked(fake.Options{})
	c.Source, c.Driver, c.Compiler = source(tb, "tiny"), d, fake.Compiler{}
	return open(tb, c), d
}

// faked is a driver without arithmetic but for choose: the token is that of the
// row's slot.
func faked(o fake.Options) *fake.Driver {
	o.Kernels = map[string]fake.Kernel{"choose": func(c *fake.Context, l driver.Launch) {
		p := (*kernels.ChooseParams)(unsafe.Pointer(&l.Params[0]))
		counts := on[kernels.Counts](c, p.Counts, 1)[0]
		picks, chosen := on[kernels.Choose](c, p.Picks, int(counts.Samples)), on[kernels.Chosen](c, p.Chosen, int(counts.Samples))
		for i := range picks {
			chosen[i] = kernels.Chosen{Token: picks[i].Slot}
			if picks[i].Forced >= 0 {
				chosen[i].Token = picks[i].Forced
			}
		}
	}}
	return fake.New(o)
}

// on is what lies at an address of the device.
func on[E any](c *fake.Context, at driver.Ptr, n int) []E {
	if n == 0 {
		return nil
	}
	var e E
	b := c.Bytes(at, int64(n)*int64(unsafe.Sizeof(e)))
	return unsafe.Slice((*E)(unsafe.Pointer(&b[0])), n)
}

var greedy = sample.Pick{Forced: -1, Logprobs: -1}

// step makes a step of rows, whose tokens are 1, 2, 3 and so on.
func step(id uint64, rows ...sched.Row) *backend.Step {
	s := &backend.Step{Plan: &sched.Plan{ID: id, Rows: rows}}
	for _, r := range rows {
		s.Plan.Shape = s.Plan.Shape.With(r.Start, r.N, r.Sample)
		for range r.N {
			s.Tokens = append(s.Tokens, int32(len(s.Tokens)+1))
		}
		if r.Sample {
			s.Picks = append(s.Picks, greedy)
		}
	}
	return s
}

func blocks(first, n int) []kv.Block {
	list := make([]kv.Block, n)
	for i := range list {
		list[i] = kv.Block(first + i)
	}
	return list
}

// TestLaunches writes down what a prompt, a decode step and a mixed step queue.
func TestLaunches(t *testing.T) {
	for _, mode := range []struct {
		name      string
		invariant bool
	}{{"fast", false}, {"invariant", true}} {
		t.Run(mode.name, func(t *testing.T) {
			b, d := pretend(t, Config{Slots: 4, Budget: 96, Blocks: 64, BlockTokens: 16, SplitTokens: 64, Invariant: mode.invariant})
			var text strings.Builder
			record := func(name string, s *backend.Step) {
				d.Clear()
				var r backend.Result
				backendtest.Once(t, b, s, &r)
				fmt.Fprintf(&text, "== %s\n", name)
				for _, c := range d.Calls() {
					switch { // sizes of grids are the kernels' own matter
					case c.Captured || c.Name == "Bind":
					case c.Replayed != 0:
						fmt.Fprintln(&text, " ", c.Function)
					case c.Bytes > 0:
						fmt.Fprintln(&text, c.Name, c.Bytes, "bytes")
					default:
						fmt.Fprintln(&text, strings.TrimSpace(c.Name+" "+c.Function))
					}
				}
			}
			record("a prompt's first chunk, of which nothing is sampled", step(1, sched.Row{Slot: 0, N: 40, NewBlocks: blocks(0, 3)}))
			record("the rest of the prompt beside another", step(2,
				sched.Row{Slot: 0, Start: 40, N: 50, Sample: true, FirstBlock: 3, NewBlocks: blocks(3, 3)}, sched.Row{Slot: 1, N: 20, Sample: true, NewBlocks: blocks(10, 2)}))
			decode := step(3, sched.Row{Slot: 0, Start: 90, N: 1, Sample: true, FirstBlock: 6}, sched.Row{Slot: 1, Start: 20, N: 1, Sample: true, FirstBlock: 2})
			decode.Plan.Copies = []kv.Copy{{From: 3, To: 20, Tokens: 5}}
			decode.Picks[1].Mask = slices.Repeat([]uint64{^uint64(0)}, 8)
			record("both decode, with a block copied and a mask", decode)
			record("both decode again", step(4, sched.Row{Slot: 0, Start: 91, N: 1, Sample: true, FirstBlock: 6}, sched.Row{Slot: 1, Start: 21, N: 1, Sample: true, FirstBlock: 2}))
			compareGolden(t, "testdata/launches_"+mode.name+".golden", text.String())
		})
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -rewrite writes it):\n%s", path, got)
	}
}

// TestGraphsAreReused: a graph is captured when a shape is first met.
func TestGraphsAreReused(t *testing.T) {
	b, d := pretend(t, Config{Slots: 8, Budget: 64, Blocks: 64, BlockTokens: 16})
	var r backend.Result
	rows := func(n, start int) (list []sched.Row) {
		for i := range n {
			row := sched.Row{Slot: int32(i), Start: int32(start), N: 1, Sample: true}
			if start == 0 {
				row.NewBlocks = blocks(2*i, 2)
			} else {
				row.FirstBlock = 2
			}
			list = append(list, row)
		}
		return list
	}
	for at, want := range []int{1, 1, 1, 2, 2} { // of 8, 8, 7, 4 and 3 rows
		backendtest.Once(t, b, step(uint64(at+1), rows([]int{8, 8, 7, 4, 3}[at], at)...), &r)
		if n := len(d.Named("Instantiate")); n != want {
			t.Errorf("after step %d there are %d graphs, want %d", at, n, want)
		}
	}
	if n := len(slices.DeleteFunc(d.Named("LaunchGraph"), func(c fake.Call) bool { return c.Err != nil })); n != 5 {
		t.Errorf("%d launches of 5 steps", n)
	}
}

// TestForgetsGraphs: the oldest graph gives way.
func TestForgetsGraphs(t *testing.T) {
	b, d := pretend(t, Config{Slots: 2, Budget: 64, Blocks: 8, BlockTokens: 16})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.dev.Bind(); err != nil {
		t.Fatal(err)
	}
	idle := 0
	get := func(n shape) driver.Exec {
		t.Helper()
		x, err := b.graphs.get(n, func(s driver.Stream) error { return run{b, s, n.lay(2).on(b.acts.step), n}.queue() }, func() error { idle++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	first := shape{tokens: 1, samples: 1, decode: 1}
	kept := get(first)
	for i := range maxGraphs - 1 {
		get(shape{tokens: 1, prefill: i + 1})
	}
	if get(first) != kept || idle != 0 {
		t.Fatal("a graph was dropped too early")
	}
	get(shape{tokens: 2, prefill: 1})
	if get(first) != kept || idle != 1 || len(d.Named("DropExec")) != 1 || len(b.graphs.held) != maxGraphs {
		t.Errorf("%d graphs are held, %d dropped", len(b.graphs.held), len(d.Named("DropExec")))
	}
}

// TestDepth: two steps may be under way, results come in their order, and the
// second one's row takes its token from the device.
func TestDepth(t *testing.T) {
	b, d := pretend(t, Config{Slots: 3, Budget: 64, Blocks: 16, BlockTokens: 16})
	first := step(1, sched.Row{Slot: 2, N: 5, Sample: true, NewBlocks: blocks(0, 1)})
	second := step(2, sched.Row{Slot: 2, Start: 5, N: 1, Sample: true, FromDevice: true, FirstBlock: 1}, sched.Row{Slot: 1, N: 2, Sample: true, NewBlocks: blocks(1, 1)})
	for _, s := range []*backend.Step{first, second} {
		if err := b.Submit(s); err != nil {
			t.Fatal(err)
		}
	}
	if b.ring[0].step != first || b.ring[1].step != second || &b.ring[0].upload[0] == &b.ring[1].upload[0] {
		t.Error("the steps under way share memory")
	}
	f := &b.ring[1]
	l := f.shape.lay(3)
	if ids := view[int32](f.upload, l.ids, 3); !slices.Equal(ids, []int32{-1, 2, 3}) {
		t.Errorf("tokens %v, want -1 for the one that the device chose", ids)
	}
	var r backend.Result
	for i, want := range [][]int32{{2}, {2, 1}} {
		if err := b.Wait(&r); err != nil {
			t.Fatal(err)
		}
		var got []int32
		for _, c := range r.Choices {
			got = append(got, c.Token)
		}
		if r.Plan != uint64(i+1) || !slices.Equal(got, want) {
			t.Errorf("plan %d gave %v, want %v", r.Plan, got, want)
		}
	}
	if n := len(d.Named("WaitEvent")); n != 2 {
		t.Errorf("%d waits for events, want one for each step", n)
	}
}

// TestHostAndDeviceDisagree: where the host sees the logits, another token than
// the device's is an error. The fake's logits are what memory held.
func TestHostAndDeviceDisagree(t *testing.T) {
	b, _ := pretend(t, Config{Slots: 3, Budget: 64, Blocks: 16, BlockTokens: 16})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.dev.Bind(); err != nil {
		t.Fatal(err)
	}
	s := step(1, sched.Row{Slot: 2, N: 5, Sample: true, NewBlocks: blocks(0, 1)})
	s.Picks[0].Logprobs = 1
	if err := b.dev.Fill(b.acts.logits, 0, 4*int64(b.caps.Vocab), b.stream); err != nil {
		t.Fatal(err)
	}
	if err := b.Submit(s); err != nil {
		t.Fatal(err)
	}
	var r backend.Result
	if err := b.Wait(&r); err == nil || !strings.Contains(err.Error(), "the device chose token 2, and of the same logits the host chooses 0") {
		t.Errorf("error %v", err)
	}
}

// TestFailuresLeaveNothing makes every call in the life of a backend fail, one
// after another: the error comes out, the backend only answers Close, and Close
// gives everything back.
func TestFailuresLeaveNothing(t *testing.T) {
	lost := errors.New("the device is lost")
	for name, n := range callsOfALife(t) {
		for nth := 1; nth <= n; nth++ {
			d := faked(fake.Options{})
			d.Fail(name, nth, lost)
			err := life(t, d)
			if !errors.Is(err, lost) {
				t.Errorf("call %d of %s fails: error %v", nth, name, err)
			}
			if leaks := d.Leaks(); len(leaks) > 0 && !strings.HasPrefix(name, "Free") && !strings.HasPrefix(name, "Drop") && name != "Unload" && name != "Close" {
				t.Errorf("call %d of %s fails: left %q", nth, name, leaks)
			}
		}
	}
}

// callsOfALife counts the driver's calls where none fails. Of those with many,
// the first and a few more are enough.
func callsOfALife(t *testing.T) map[string]int {
	d := faked(fake.Options{})
	if err := life(t, d); err != nil {
		t.Fatal(err)
	}
	if leaks := d.Leaks(); len(leaks) > 0 {
		t.Fatalf("left %q", leaks)
	}
	count := map[string]int{}
	for _, c := range d.Calls() {
		if c.Replayed == 0 {
			count[c.Name] = min(count[c.Name]+1, 24)
		}
	}
	return count
}

// life opens a backend, runs steps and closes it.
func life(t *testing.T, d *fake.Driver) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, err := Open(Config{Source: source(t, "tiny"), Driver: d, Compiler: fake.Compiler{}, Slots: 2, Budget: 32, Blocks: 8, BlockTokens: 16, Warm: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var r backend.Result
	for i, s := range []*backend.Step{
		step(1, sched.Row{Slot: 1, N: 5, Sample: true, NewBlocks: blocks(0, 1)}),
		step(2, sched.Row{Slot: 1, Start: 5, N: 1, Sample: true, FirstBlock: 1}),
	} {
		s.Picks[0].Forced, s.Picks[0].Logits = 3, i == 0
		s.Plan.Copies = []kv.Copy{{From: 1, To: 2, Tokens: 1}}
		if err := b.Submit(s); err != nil {
			return errors.Join(err, onlyCloses(b))
		}
		if err := b.dev.Fill(b.acts.logits, 0, 4*int64(b.caps.Vocab), b.stream); err != nil {
			return err
		}
		if err := b.Wait(&r); err != nil {
			return errors.Join(err, onlyCloses(b))
		}
	}
	return nil
}

func onlyCloses(b *Backend) error {
	var r backend.Result
	if b.Submit(step(9, sched.Row{N: 1, NewBlocks: blocks(0, 1)})) == nil || b.Wait(&r) == nil {
		return errors.New("it answers after an error")
	}
	return nil
}
