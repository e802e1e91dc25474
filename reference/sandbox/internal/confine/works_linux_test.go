package confine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"
)

// works are what a child does by right, and what its limits are for.
func works() map[string]func(*target) error {
	written, _ := os.CreateTemp("", "confine")
	if written != nil {
		os.Remove(written.Name())
	}
	return map[string]func(*target) error{
		"nothing":                   func(*target) error { return nil },
		"compile and run":           compileAndRun,
		"wait and collect":          waitAndCollect,
		"start 200 threads":         func(*target) error { return startThreads(200) },
		"take 600 MiB":              func(*target) error { return take(600 << 20) },
		"take 2 GiB":                func(*target) error { return take(2 << 30) },
		"take 100 MiB thirty times": func(*target) error { return takeMany(30) },
		"take 100 MiB":              func(*target) error { return take(100 << 20) },
		"spin":                      func(*target) error { return spin(20 * time.Second) },
		"write an open file": func(*target) error {
			if written == nil {
				return errors.New("no file could be opened")
			}
			_, err := written.WriteString("x")
			return err
		},
		"prepare in a changed root": func(t *target) error {
			if err := unix.Chroot(t.Dir); err != nil {
				return err
			}
			p, err := Prepare(Config{})
			if err != nil || p.namespaces.InForce {
				return fmt.Errorf("%v, %v", p, err)
			}
			_, err = Prepare(Config{Required: []Layer{Namespaces}})
			if err == nil {
				return errors.New("required namespaces are not missed")
			}
			return nil
		},
		"a call of another interface": func(*target) error {
			const x32 = 0x40000000
			if err := numbered(unix.SYS_GETPID | x32); err == unix.ENOSYS {
				return nil // the kernel has been asked
			}
			return errors.New("the kernel serves x32")
		},
	}
}

// add is a module with a function that adds two numbers.
const add = "\x00asm\x01\x00\x00\x00\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\x00\x07\x07\x01\x03add\x00\x00\x0a\x09\x01\x07\x00\x20\x00\x20\x01\x6a\x0b"

func compileAndRun(*target) error {
	for range 20 {
		r := wazero.NewRuntime(context.Background())
		m, err := r.Instantiate(context.Background(), []byte(add))
		if err != nil {
			return err
		}
		sum, err := m.ExportedFunction("add").Call(context.Background(), 2, 3)
		if err != nil || sum[0] != 5 {
			return fmt.Errorf("2 + 3 = %v, %v", sum, err)
		}
		r.Close(context.Background())
	}
	return nil
}

// waitAndCollect makes Go's runtime start threads, interrupt them, wait for
// timers and give memory back.
func waitAndCollect(*target) error {
	var all sync.WaitGroup
	for i := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
				_ = make([]byte, 1<<(10+i%8))
			}
			time.Sleep(5 * time.Millisecond)
		}()
	}
	for range 5 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	return take(1 << 20)
}

func startThreads(n int) error {
	var all sync.WaitGroup
	for range n {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			unix.Nanosleep(&unix.Timespec{Nsec: 200e6}, nil)
		}()
	}
	all.Wait()
	return nil
}

func take(bytes int) error {
	b := make([]byte, bytes)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	runtime.KeepAlive(b)
	return nil
}

// takeMany does not touch what it takes: reservations count.
func takeMany(n int) error {
	var all [][]byte
	for range n {
		all = append(all, make([]byte, 100<<20))
	}
	runtime.KeepAlive(all)
	return nil
}

func spin(d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
	return nil
}

// TestWorks: what a child needs goes on with all layers, and what limits are for
// ends.
func TestWorks(t *testing.T) {
	for _, c := range []struct {
		do     string
		config Config
		ends   bool // it does not get through
		needs  Layer
	}{
		{"compile and run", Config{MakesCode: true, Memory: 512 << 20}, false, ""},
		{"compile and run", Config{}, true, Seccomp},
		{"wait and collect", Config{Memory: 512 << 20}, false, ""},
		{"take 100 MiB", Config{Memory: 512 << 20}, false, ""},
		{"take 600 MiB", Config{}, false, ""},
		{"take 2 GiB", Config{Memory: 512 << 20}, true, Rlimits},
		{"take 100 MiB thirty times", Config{Memory: 512 << 20}, true, Rlimits},
		{"take 100 MiB thirty times", Config{}, false, ""},
		{"start 200 threads", Config{Threads: 300}, false, ""},
		{"start 200 threads", Config{}, true, Namespaces},
		{"spin", Config{CPU: time.Second}, true, Rlimits},
		{"write an open file", Config{Without: []Layer{Rlimits}}, false, ""},
		{"write an open file", Config{}, true, Rlimits},
		{"a call of another interface", Config{Without: []Layer{Seccomp}}, false, ""},
		{"a call of another interface", Config{}, true, Seccomp},
	} {
		t.Run(c.do, func(t *testing.T) {
			t.Parallel()
			got := run(t, order{c.config, c.do, newTarget(t)})
			switch {
			case !got.applied:
				t.Fatalf("the child did not come to it: %v", got)
			case c.ends && !got.Report.In(c.needs):
				t.Skipf("%s is not in force here", c.needs)
			case got.prevented() != c.ends:
				t.Errorf("with %+v: %v", c.config, got)
			}
		})
	}
}

// TestWithoutNamespaces prepares where the kernel refuses a user namespace: in a
// changed root.
func TestWithoutNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root changes its root")
	}
	if got := run(t, order{Config{Without: Layers()}, "prepare in a changed root", newTarget(t)}); got.prevented() {
		t.Error(got)
	}
}
