package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/confine"
)

// compromisedName is the argument that makes this binary a child that a program
// has taken over.
const compromisedName = "tierlab-compromised"

// compromised serves as such a child and does not return, if this process is
// one. It confines itself as a good one does, and then does what its second
// argument says with the rights that are left.
func compromised() {
	if os.Args[0] != compromisedName {
		return
	}
	r := border.NewReader(os.Stdin)
	any := func(border.Kind) int { return 1 << 20 }
	_, m, err := r.Next(any)
	if err != nil {
		os.Exit(3)
	}
	s, err := border.ParseSetup(m)
	var config confine.Config
	if err != nil || json.Unmarshal(s.Confine, &config) != nil {
		os.Exit(3)
	}
	report, err := confine.Apply(config)
	if err != nil {
		os.Exit(3)
	}
	confined, _ := json.Marshal(report)
	os.Stdout.Write((&border.Ready{Confined: confined}).Append(nil))
	r.Next(any)
	value := takeovers()[os.Args[1]]()
	text, _ := json.Marshal(value)
	os.Stdout.Write((&border.Done{Value: text}).Append(nil))
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func output(text string) []byte {
	return border.Close(append(border.Frame(nil, border.KindOutput), text...))
}

// takeovers are what such a child does; what they return is their value.
func takeovers() map[string]func() string {
	forever := func(do func()) func() string {
		return func() string {
			for {
				do()
			}
		}
	}
	return map[string]func() string{
		"spins":                    forever(func() {}),
		"prints nothing, forever":  forever(func() { os.Stdout.Write(output("")) }),
		"prints without end":       forever(func() { os.Stdout.Write(output("x")) }),
		"floods standard error":    forever(func() { os.Stderr.WriteString(strings.Repeat("x", 4096)) }),
		"drips":                    forever(func() { os.Stdout.Write([]byte{0}); time.Sleep(time.Millisecond) }),
		"closes its end and spins": func() string { os.Stdout.Close(); select {} },
		"takes memory":             func() string { return takeMemory() },
		"starts threads":           func() string { return startThreads() },
		"opens files":              tryAll(func() error { _, err := os.ReadFile("/etc/passwd"); return err }),
		"opens a socket":           tryAll(func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err }),
		"executes":                 tryAll(func() error { return exec.Command("/bin/true").Run() }),
		"kills":                    tryAll(killAll),
	}
}

// tryAll says "done" where something got through.
func tryAll(do func() error) func() string {
	return func() string {
		if err := do(); err != nil {
			return "refused"
		}
		return "done"
	}
}

func killAll() error {
	p, err := os.FindProcess(os.Getppid())
	if err != nil {
		return err
	}
	return p.Signal(syscall.Signal(0))
}

func takeMemory() string {
	var all [][]byte
	for range 64 {
		b := make([]byte, 64<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
	}
	return fmt.Sprint(len(all), " of 64 blocks")
}

func startThreads() string {
	for range 1000 {
		go func() { runtime.LockOSThread(); select {} }()
	}
	time.Sleep(time.Second)
	return "1000 threads"
}

// TestCompromised: a child that has been taken over gets nowhere, is gone after
// its run, and the pool beside it serves.
func TestCompromised(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what holds such a child is there on Linux only")
	}
	p := newPool(t, Config{Workers: 1})
	before := census(t)
	for _, c := range []struct {
		does  string
		wants []FaultKind
		value string // where it may come to its end
		layer confine.Layer
	}{
		{"spins", []FaultKind{WallExceeded}, "", ""},
		{"prints nothing, forever", []FaultKind{Crash}, "", ""},
		{"prints without end", []FaultKind{Crash, WallExceeded}, "", ""},
		{"floods standard error", []FaultKind{WallExceeded}, "", ""},
		{"drips", []FaultKind{WallExceeded, Crash}, "", ""},
		{"closes its end and spins", []FaultKind{Crash, WallExceeded}, "", ""},
		{"takes memory", []FaultKind{Crash, WallExceeded}, "", confine.Rlimits},
		{"starts threads", []FaultKind{Crash, WallExceeded}, "", confine.Namespaces},
		{"opens files", []FaultKind{Crash}, `"refused"`, confine.Rlimits},
		{"opens a socket", []FaultKind{Crash}, `"refused"`, confine.Rlimits},
		{"executes", []FaultKind{Crash}, `"refused"`, confine.Rlimits},
		{"kills", []FaultKind{Crash}, `"refused"`, confine.Seccomp},
	} {
		w := startCompromised(t, p, c.does)
		var report confine.Report
		if err := json.Unmarshal(w.confined, &report); err != nil {
			t.Fatal(err)
		}
		if c.layer != "" && !report.In(c.layer) {
			t.Logf("%s: %s is not in force here", c.does, c.layer)
			w.end()
			continue
		}
		run := &Run{Language: JavaScript, Limits: Limits{Wall: 3 * time.Second, Output: 1 << 10}.or(p.config.Limits)}
		if c.wants[0] == WallExceeded {
			run.Limits.Wall = shortWall()
		}
		start := time.Now()
		r, err := w.run(t.Context(), context.Background(), run)
		took := time.Since(start)
		<-w.released
		w.end()
		h := hostile{wants: c.wants, value: c.value, mayEnd: c.value != ""}
		if err != nil {
			t.Errorf("%s: %v", c.does, err)
		} else if wrong := h.judge(r, new(witness)); wrong != "" {
			t.Errorf("%s: %s", c.does, wrong)
		} else {
			t.Logf("%-26s %-8s after %9.3f ms of %v: %s", c.does, ending(r), ms(took), run.Limits.Wall, message(r))
		}
		good(t, p, "beside one that "+c.does)
	}
	before.compare(t, census(t))
}

// startCompromised starts such a child as the pool starts its own.
func startCompromised(t *testing.T, p *Pool, does string) *worker {
	t.Helper()
	l := p.lanes[JavaScript]
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, r, w)
	}
	cmd := &exec.Cmd{Path: path, Args: []string{compromisedName, does}, Stdin: files[0], Stdout: files[3], Stderr: files[5]}
	l.plan.Command(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	closeAll([]*os.File{files[0], files[3], files[5]})
	w := newWorker(cmd, files[1], files[2], files[4])
	if err := w.setUp(&l.setup); err != nil {
		t.Fatalf("%s: %v", does, err)
	}
	return w
}
