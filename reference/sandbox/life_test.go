package sandbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tierlab/reference/sandbox/internal/wasmtest"
)

func js(source string) *Run { return &Run{Language: JavaScript, Source: []byte(source)} }

// children are the processes that this one has started and that are not gone,
// zombies included.
func children(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		t.Skip("no /proc to count processes in")
	}
	for _, f := range files {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue // gone meanwhile
		}
		after := stat[bytes.LastIndexByte(stat, ')')+1:] // " state ppid ..."
		if fields := strings.Fields(string(after)); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc to count descriptors in")
	}
	return len(entries)
}

// TestNothingLeaks uses a pool roughly and closes it: no process, descriptor or
// goroutine of it is left.
func TestNothingLeaks(t *testing.T) {
	newPool(t, Config{Workers: 1}).Close() // what a process opens once
	processes, fds, goroutines := len(children(t)), descriptors(t), runtime.NumGoroutine()
	p := newPool(t, Config{Workers: 2, Runs: 3})
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			switch n % 4 {
			case 0:
				p.Run(ctx, &Run{Language: JavaScript, Source: []byte(`for (;;);`), Limits: Limits{Wall: 10 * time.Millisecond}})
			case 1:
				time.AfterFunc(10*time.Millisecond, cancel)
				p.Run(ctx, js(`for (;;);`))
			default:
				if r, err := p.Run(ctx, js(`1 + 1`)); err != nil || string(r.Value) != "2" {
					t.Errorf("%v, %v", r, err)
				}
			}
		})
	}
	all.Wait()
	p.Close()
	if got := len(children(t)); got != processes {
		t.Errorf("%d processes, before %d", got, processes)
	}
	if got := descriptors(t); got != fds {
		t.Errorf("%d descriptors, before %d", got, fds)
	}
	for range 100 { // the goroutines that have been told to end do so
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), goroutines)
}

// TestKilledFromOutside kills children at random while programs run: every run
// ends, with its value or with a crash, and the pool goes on.
func TestKilledFromOutside(t *testing.T) {
	before := children(t)
	p := newPool(t, Config{Workers: 2})
	stop := make(chan struct{})
	var fine, crashed atomic.Int64
	var killer sync.WaitGroup
	killer.Go(func() {
		for last := int64(-1); ; {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if fine.Load() == last {
				continue // no child came up since: kill none that still starts
			}
			last = fine.Load()
			pids := children(t)
			if len(pids) > len(before) {
				if proc, err := os.FindProcess(pids[len(pids)-1-rand.N(len(pids)-len(before))]); err == nil {
					proc.Kill()
				}
			}
		}
	})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for until := time.Now().Add(time.Second); time.Now().Before(until); {
				r, err := p.Run(t.Context(), js(`let s = 0; for (let i = 0; i < 10000; i++) s += i; s`))
				switch {
				case err != nil:
					t.Error(err)
				case r.Fault == nil && string(r.Value) == "49995000":
					fine.Add(1)
				case r.Fault != nil && r.Fault.Kind == Crash:
					crashed.Add(1)
				default:
					t.Errorf("%+v", r)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	killer.Wait()
	if fine.Load() == 0 {
		t.Error("no run came through")
	}
	t.Logf("%d runs came through, %d met a kill", fine.Load(), crashed.Load())
	for range len(children(t)) { // those that the last kill met may not be seen as gone yet
		if r, err := p.Run(t.Context(), js(`"on"`)); err == nil && r.Fault == nil {
			return
		}
	}
	t.Error("afterwards no run comes through")
}

// TestCancel ends the caller's context while the run waits, runs, and is in a
// host call that does not heed its context.
func TestCancel(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	hang := make(chan struct{})
	defer close(hang)
	why := errors.New("not wanted any more")
	entered := make(chan struct{}, 1)
	for name, run := range map[string]*Run{
		"running": js(`for (;;);`),
		"in a host call": {Language: JavaScript, Source: []byte(`host.hang()`), Hosts: []string{"hang"},
			Host: func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
				entered <- struct{}{}
				<-hang
				return nil, nil
			}},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if run.Host != nil {
			go func() { <-entered; cancel(why) }()
		} else {
			time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
		}
		waiting, stop := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, why)
		var other sync.WaitGroup
		if run.Host == nil {
			other.Go(func() {
				time.Sleep(5 * time.Millisecond)
				if _, err := p.Run(waiting, js(`1`)); !errors.Is(err, why) {
					t.Errorf("while it waits: %v, want %v", err, why)
				}
			})
		}
		if r, err := p.Run(ctx, run); !errors.Is(err, why) {
			t.Errorf("%s: %v, %v; want %v", name, r, err, why)
		}
		other.Wait()
		stop()
		cancel(nil)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Run(done, js(`1`)); !errors.Is(err, context.Canceled) {
		t.Errorf("before: %v", err)
	}
}

// TestHostWithinWall has a host function sleep beyond the run's limit, whose
// context ends with the run.
func TestHostWithinWall(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	ended := make(chan error, 1)
	r, err := p.Run(t.Context(), &Run{
		Language: JavaScript, Source: []byte(`host.sleep()`), Hosts: []string{"sleep"}, Limits: Limits{Wall: 30 * time.Millisecond},
		Host: func(ctx context.Context, _ string, _ json.RawMessage) (json.RawMessage, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		},
	})
	if err != nil || r.Fault == nil || r.Fault.Kind != WallExceeded || r.Used.HostCalls != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := <-ended; err == nil {
		t.Error("the host function's context did not end")
	}
}

// TestCloseUnderLoad closes the pool while runs wait and run.
func TestCloseUnderLoad(t *testing.T) {
	p := newPool(t, Config{Workers: 2})
	var all sync.WaitGroup
	var started atomic.Int64
	for n := range 100 {
		all.Go(func() {
			started.Add(1)
			source := `1`
			if n%2 == 0 {
				source = `for (;;);`
			}
			if r, err := p.Run(t.Context(), js(source)); err != nil && !errors.Is(err, ErrClosed) {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	for started.Load() < 100 {
		time.Sleep(time.Millisecond)
	}
	p.Close()
	all.Wait()
	if _, err := p.Run(t.Context(), js(`1`)); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
	p.Close()
}

// TestBurst is many requests at once, more than the queue holds of them.
func TestBurst(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	p := newPool(t, Config{Queue: n})
	start := time.Now()
	burst := func(p *Pool, n int) (fine, busy int64) {
		var all sync.WaitGroup
		var ok, full atomic.Int64
		for i := range n {
			all.Go(func() {
				r, err := p.Run(t.Context(), &Run{Language: JavaScript, Source: []byte(`input * 2`), Input: json.RawMessage(strconv.Itoa(i))})
				switch {
				case errors.Is(err, ErrBusy):
					full.Add(1)
				case err != nil || r.Fault != nil || string(r.Value) != strconv.Itoa(2*i):
					t.Errorf("%d: %+v, %v", i, r, err)
				default:
					ok.Add(1)
				}
			})
		}
		all.Wait()
		return ok.Load(), full.Load()
	}
	if fine, busy := burst(p, n); fine != int64(n) {
		t.Errorf("%d of %d came through, %d were refused", fine, n, busy)
	}
	t.Logf("%d runs in %v", n, time.Since(start))
	narrow := newPool(t, Config{Workers: 1, Queue: 5})
	if fine, busy := burst(narrow, 200); fine+busy != 200 || busy == 0 || fine < 5 {
		t.Errorf("with a queue of 5, %d came through and %d were refused", fine, busy)
	}
}

// TestSameBytes runs a program that looks for differences in children and pools
// of their own.
func TestSameBytes(t *testing.T) {
	run := js(`
		const seen = [];
		for (let i = 0; i < 5; i++) seen.push(Math.random(), Date.now(), performance.now());
		const m = new Map([[{}, 1], ['b', 2]]), big = {};
		for (let i = 0; i < 1000; i++) big['k' + (i * 7919) % 1000] = i;
		seen.push(Object.keys(big).slice(0, 5), [...m.values()], [3, 1, 2].sort(() => Math.random() - 0.5), new Date().toString(), (1.1).toFixed(20), Math.sin(1e22));
		try { null.x } catch (e) { seen.push(e.stack) }
		print(seen.length);
		seen`)
	run.Clock, run.Seed = time.Date(2026, 2, 3, 4, 5, 6, 7_000_000, time.UTC), 42
	var first *Result
	for range 2 {
		p := newPool(t, Config{Workers: 2})
		for range 5 {
			r, err := p.Run(t.Context(), run)
			if err != nil || r.Fault != nil {
				t.Fatal(r.Fault, err)
			}
			if first == nil {
				first = r
			}
			if !bytes.Equal(r.Value, first.Value) || !bytes.Equal(r.Output, first.Output) || r.Used.Fuel != first.Used.Fuel || r.Used.Memory != first.Used.Memory {
				t.Errorf("%s\nand\n%s\nfuel %d and %d", first.Value, r.Value, first.Used.Fuel, r.Used.Fuel)
			}
		}
	}
	if !bytes.Contains(first.Value, []byte(`1770091506007`)) {
		t.Errorf("the clock is not the run's: %s", first.Value)
	}
}

// TestFreshInstance leaves traces of all kinds for the next program.
func TestFreshInstance(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	for _, source := range []string{
		`globalThis.left = 1; Object.prototype.left = 2; Array.prototype.map = null; JSON.stringify = null; host = 5; print = 6; 1`,
		`Object.freeze(globalThis); Object.freeze(Object.prototype); 1`,
		`let l = []; for (;;) l.push('secret'.repeat(1000))`,
	} {
		if _, err := p.Run(t.Context(), js(source)); err != nil {
			t.Fatal(err)
		}
		r, err := p.Run(t.Context(), js(`globalThis.mine = [typeof left, typeof ({}).left, typeof [].map, typeof JSON.stringify, typeof host, typeof print]; mine`))
		if want := `["undefined","undefined","function","function","object","function"]`; err != nil || string(r.Value) != want {
			t.Errorf("after %s: %s, %v, %v", source, r.Value, r.Fault, err)
		}
	}
}

func TestWasm(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	write := wasmtest.Type{Params: []byte{wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32}, Results: []byte{wasmtest.I32}}
	c := wasmtest.I32Const
	hello := wasmtest.Module{
		Imports: []wasmtest.Import{{Module: "wasi_snapshot_preview1", Name: "fd_write", Type: write}}, Pages: 1, Data: []byte("\x08\x00\x00\x00\x05\x00\x00\x00hello"),
		Funcs: []wasmtest.Func{{Export: "_start", Code: wasmtest.Ops(c(1), c(0), c(1), c(100), wasmtest.Call(0), 0x1a)}},
	}
	forever := wasmtest.Module{Pages: 1, Funcs: []wasmtest.Func{{Export: "run", Code: wasmtest.Ops(0x03, 0x40, 0x0c, 0, 0x0b)}}}
	binary := hello.Binary()
	text := base64.StdEncoding.EncodeToString(binary)
	for _, x := range []struct {
		name   string
		source []byte
		want   string
	}{
		{"binary", binary, `"hello"`},
		{"base64", []byte(text), `"hello"`},
		{"endless", forever.Binary(), "wall"},
		{"after a kill", binary, `"hello"`},
	} {
		r, err := p.Run(t.Context(), &Run{Language: Wasm, Source: x.source, Limits: Limits{Wall: 300 * time.Millisecond}})
		if err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		got := string(r.Value)
		if r.Fault != nil {
			got = string(r.Fault.Kind)
		}
		if got != x.want {
			t.Errorf("%s: %s %v, want %s", x.name, got, r.Fault, x.want)
		}
	}
}

// TestRefused are runs and configurations that are not well formed.
func TestRefused(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	for name, r := range map[string]*Run{
		"language":       {Language: "python", Source: []byte(`1`)},
		"input":          {Language: JavaScript, Input: json.RawMessage(`{`)},
		"more wall":      {Language: JavaScript, Limits: Limits{Wall: time.Hour}},
		"memory below 0": {Language: JavaScript, Limits: Limits{Memory: -1}},
		"hosts":          {Language: JavaScript, Hosts: []string{"f"}},
		"host twice":     {Language: JavaScript, Hosts: []string{"f", "f"}, Host: func(context.Context, string, json.RawMessage) (json.RawMessage, error) { return nil, nil }},
		"no module":      {Language: Wasm, Source: []byte(`1`)},
	} {
		var bad *RunError
		if _, err := p.Run(t.Context(), r); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a *RunError", name, err)
		}
	}
	for name, c := range map[string]Config{
		"workers": {Workers: -1},
		"memory":  {Limits: Limits{Memory: 5 << 30}},
		"stack":   {Limits: Limits{Stack: 1 << 30}},
		"layer":   {Required: []string{"magic"}},
	} {
		if _, err := NewPool(c); err == nil {
			t.Errorf("%s: a pool", name)
		}
	}
}

// TestChildrenDieWithTheirPool kills a process that has a pool in which endless
// loops run.
func TestChildrenDieWithTheirPool(t *testing.T) {
	if os.Getenv("SANDBOX_TEST_POOL") != "" {
		p := newPool(t, Config{Workers: 2})
		for range 2 {
			go p.Run(context.Background(), js(`for (;;);`))
		}
		time.Sleep(100 * time.Millisecond)
		for _, pid := range children(t) {
			fmt.Println("child", pid)
		}
		time.Sleep(time.Minute)
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills a child with its parent; elsewhere one that computes ends at its next look at its input")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestChildrenDieWithTheirPool$")
	cmd.Env = append(os.Environ(), "SANDBOX_TEST_POOL=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for len(pids) < 2 {
		var pid int
		if _, err := fmt.Fscanf(out, "child %d\n", &pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for _, pid := range pids {
		gone := false
		for range 200 {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if gone = err != nil || bytes.Contains(stat, []byte(") Z ")); gone {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !gone {
			t.Errorf("process %d lives on", pid)
		}
	}
}
