package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"tierlab/bench/serving"
	"tierlab/bench/shapes"
	"tierlab/bench/target"
)

// child is "tierlab engine serve" in a process of its own, on a free port.
type child struct {
	ready    readiness
	launched time.Time
	command  *exec.Cmd
	ended    chan error
	said     bytes.Buffer // on standard error
	folder   string       // of its ready file, and of its caches if they are to be empty
}

// A child is asked for readyEvery whether it can answer, and after an interrupt
// has endWithin to end.
const (
	readyEvery = 2 * time.Millisecond
	endWithin  = 30 * time.Second
)

// startChild starts a server with an engine's flags and waits until it can
// answer. Cold: its folder for caches is empty.
func startChild(ctx context.Context, flags []string, cold bool) (c *child, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c = &child{ended: make(chan error, 1)}
	if c.folder, err = os.MkdirTemp("", "tierlab-bench-"); err != nil {
		return nil, err
	}
	file := filepath.Join(c.folder, "ready.json")
	args := append([]string{"engine", "serve", "--addr=127.0.0.1:0", "--ready-file=" + file, "--log=none", "--api-key=", "--served-name=",
		"--drain-timeout=1s", "--quiet"}, flags...)
	c.command = exec.Command(self, args...)
	c.command.Stderr = &c.said
	if cold { // where os.UserCacheDir looks
		c.command.Env = append(os.Environ(), "XDG_CACHE_HOME="+c.folder, "LocalAppData="+c.folder)
	}
	c.launched = time.Now()
	if err := c.command.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.folder))
	}
	go func() { c.ended <- c.command.Wait() }()
	if err := c.await(ctx, file); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// await waits for the ready file.
func (c *child) await(ctx context.Context, file string) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-c.ended:
			c.ended <- err
			return fmt.Errorf("the server ended before it was ready (%v): %s", err, strings.TrimSpace(c.said.String()))
		case <-tick.C:
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &c.ready)
	}
}

// Close interrupts the server and waits until it has ended.
func (c *child) Close() error {
	if runtime.GOOS == "windows" { // which has no interrupt for another process
		c.command.Process.Kill()
	} else {
		c.command.Process.Signal(os.Interrupt)
	}
	var err error
	select {
	case <-c.ended:
	case <-time.After(endWithin):
		c.command.Process.Kill()
		<-c.ended
		err = fmt.Errorf("the server did not end within %v of an interrupt", endWithin)
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}

// server is the child as a load sees it.
func (c *child) server(joules func() float64) *serving.Server {
	t := target.New(c.ready.URL, c.ready.Engine.Model, "")
	return &serving.Server{
		Target: t, Vocab: c.ready.Vocab, Launched: c.launched, Phases: c.ready.Phases,
		Counters: func() shapes.Counters { return shapes.Counters{CPU: c.processTime(), Joules: joules()} },
		Close: func() error {
			t.Close()
			return c.Close()
		},
	}
}

// processTime is the child's processor time by its own metrics; 0 where they do
// not tell.
func (c *child) processTime() time.Duration {
	r, err := http.Get(c.ready.URL + "/metrics")
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	return cpuSeconds(r.Body)
}

// cpuSeconds finds the counter of a process's time among metrics.
func cpuSeconds(metrics io.Reader) time.Duration {
	for lines := bufio.NewScanner(metrics); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
			if s, err := strconv.ParseFloat(text, 64); err == nil {
				return time.Duration(s * float64(time.Second))
			}
		}
	}
	return 0
}
