package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile is a program that means harm, with what stops it. It is part of the
// corpus: hostileJavaScript and hostileWasm.
type hostile struct {
	name   string
	run    Run
	wants  []FaultKind // one of these; none: it comes to its end and has achieved nothing
	value  string      // where it comes to its end
	long   bool        // left to TIERLAB_SANDBOX=1
	mayEnd bool        // or it comes to its end
	broken bool        // no child sees it: Run refuses it
}

// shortWall is the time of programs of which the end is the time's; all others
// have so long that a slow machine does not change what stops them.
func shortWall() time.Duration {
	if thorough() {
		return 250 * time.Millisecond
	}
	return 60 * time.Millisecond
}

// hostileLimits are those of the corpus: of the pool, and of each run but for
// what its program sets.
var hostileLimits = Limits{
	Wall: 30 * time.Second, Memory: 32 << 20, Stack: 256 << 10, Output: 64 << 10, HostCalls: 50, HostBytes: 1 << 20,
}

// thorough says whether the long version of the tests is asked for.
func thorough() bool { return os.Getenv("TIERLAB_SANDBOX") != "" }

func corpus(t *testing.T) (list []hostile) {
	for _, h := range append(hostileJavaScript(), hostileWasm()...) {
		if !h.long || thorough() {
			list = append(list, h)
		}
	}
	t.Logf("%d programs", len(list))
	return list
}

// witness is the host's side of the corpus: what a program gets to call.
type witness struct {
	mu    sync.Mutex
	names map[string]int
	args  []string
}

func (w *witness) Host(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	w.mu.Lock()
	if w.names == nil {
		w.names = map[string]int{}
	}
	w.names[name]++
	w.args = append(w.args, string(args))
	w.mu.Unlock()
	switch name {
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "deaf":
		time.Sleep(2 * time.Second)
	case "large":
		return json.Marshal(strings.Repeat("x", 1<<20))
	case "fails":
		return nil, errors.New("refused\x00\xff by the host")
	}
	return args, nil
}

var granted = []string{"echo", "slow", "deaf", "large", "fails"}

// TestHostile runs the corpus. After each program the pool serves a good one;
// after all of them this process has what it had before.
func TestHostile(t *testing.T) {
	p := newPool(t, Config{Workers: 2, Limits: hostileLimits})
	good(t, p, "before the first")
	runGood(t, p, goodWasm())
	before := census(t)
	var said []string
	for _, h := range corpus(t) {
		w := new(witness)
		run := h.run
		run.Hosts, run.Host = granted, w.Host
		if slices.Contains(h.wants, WallExceeded) {
			run.Limits.Wall = shortWall()
		}
		start := time.Now()
		r, err := p.Run(t.Context(), &run)
		took := time.Since(start)
		switch {
		case h.broken:
			var bad *RunError
			if !errors.As(err, &bad) {
				t.Errorf("%s: %v, want it refused", h.name, err)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", h.name, err)
			continue
		}
		if wrong := h.judge(r, w); wrong != "" {
			t.Errorf("%s: %s", h.name, wrong)
		}
		said = append(said, fmt.Sprintf("%-44s %-10s %9.3f ms, whole call %9.3f ms, cpu %8.3f ms  %s",
			h.name, ending(r), ms(r.Used.Wall), ms(took), ms(r.Used.CPU), message(r)))
		good(t, p, "after "+h.name)
	}
	t.Logf("stopped after (limit %v):\n%s", shortWall(), strings.Join(said, "\n"))
	before.compare(t, census(t))
}

// judge says what is wrong with the end of a program.
func (h *hostile) judge(r *Result, w *witness) string {
	for name := range w.names {
		if !slices.Contains(granted, name) {
			return fmt.Sprintf("it reached the host as %q", name)
		}
	}
	for _, a := range w.args {
		if !json.Valid([]byte(a)) {
			return fmt.Sprintf("the host was handed %.100q", a)
		}
	}
	switch {
	case r.Fault == nil && len(h.wants) > 0 && !h.mayEnd:
		return fmt.Sprintf("it came to its end with %.100s, want %v", r.Value, h.wants)
	case r.Fault == nil && string(r.Value) != h.value:
		return fmt.Sprintf("it achieved %.200s, want %s", r.Value, h.value)
	case r.Fault != nil && !slices.Contains(h.wants, r.Fault.Kind):
		return fmt.Sprintf("it ended with %v, want %v", r.Fault, h.wants)
	case len(r.Output) > hostileLimits.Output:
		return fmt.Sprintf("%d bytes of output came through", len(r.Output))
	case r.Used.HostCalls > hostileLimits.HostCalls || r.Used.HostBytes > hostileLimits.HostBytes:
		return fmt.Sprintf("%d host calls of %d bytes came through", r.Used.HostCalls, r.Used.HostBytes)
	case thorough() && r.Fault != nil && r.Fault.Kind == WallExceeded && r.Used.Wall > shortWall()+time.Second:
		return fmt.Sprintf("it was stopped after %v", r.Used.Wall)
	}
	return ""
}

func ending(r *Result) string {
	if r.Fault == nil {
		return "ended"
	}
	return string(r.Fault.Kind)
}

func message(r *Result) string {
	if r.Fault == nil {
		return fmt.Sprintf("%.60s", r.Value)
	}
	return fmt.Sprintf("%.60s", r.Fault.Message)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// good has the pool run a program that keeps to its limits.
func good(t *testing.T, p *Pool, when string) {
	t.Helper()
	r, err := p.Run(t.Context(), &Run{
		Language: JavaScript, Source: []byte(`[1, 2, 3].map(x => x * input).concat(host.echo({a: 1}).a)`), Input: json.RawMessage("2"),
		Hosts: []string{"echo"}, Host: new(witness).Host,
	})
	if err != nil || r.Fault != nil || string(r.Value) != "[2,4,6,1]" {
		t.Fatalf("%s the pool does not serve: %+v, %v", when, r, err)
	}
}

func runGood(t *testing.T, p *Pool, source []byte) {
	t.Helper()
	r, err := p.Run(t.Context(), &Run{Language: Wasm, Source: source})
	if err != nil || r.Fault != nil {
		t.Fatalf("the pool does not serve WebAssembly: %+v, %v", r, err)
	}
}

// counts are what this process holds.
type counts struct {
	descriptors int // 0 where the system does not say
	children    int
	goroutines  int
	heap        uint64
}

// census waits for what is under way: the pool replaces children in the
// background.
func census(t *testing.T) (c counts) {
	t.Helper()
	var last counts
	for range 50 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c = counts{openDescriptors(), childProcesses(), runtime.NumGoroutine(), m.HeapAlloc}
		if c.descriptors == last.descriptors && c.children == last.children && c.goroutines == last.goroutines {
			break
		}
		last = c
		time.Sleep(100 * time.Millisecond)
	}
	return c
}

// compare allows no child, a few descriptors and goroutines of timers in
// flight, and the heap 32 MiB, more than before.
func (c counts) compare(t *testing.T, after counts) {
	t.Helper()
	t.Logf("before %+v, after %+v", c, after)
	if after.descriptors > c.descriptors+4 || after.children > c.children || after.goroutines > c.goroutines+8 || after.heap > c.heap+32<<20 {
		t.Errorf("this process holds %+v, %+v before", after, c)
	}
}

func openDescriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// childProcesses counts live and dead ones alike, where the system tells.
func childProcesses() (n int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		list, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		n += len(strings.Fields(string(list)))
	}
	return n
}
