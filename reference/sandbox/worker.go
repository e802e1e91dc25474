package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"tierlab/reference/sandbox/internal/border"
)

// worker is a child process, seen from the pool. One goroutine at a time uses
// it; kill may be called from any.
type worker struct {
	process  process
	pid      int // 0: not known
	requests *os.File
	replies  *os.File
	frames   *border.Reader
	frame    []byte // memory of the next frame to send

	exited   chan struct{} // closed when the process is gone
	released chan bool     // after a run: whether the child is still good
	release  func()        // gives back the place in the share of the run's session
	stderr   *opening

	resident int64
	cpu      time.Duration // when it was last ready
	confined []byte        // a confine.Report as JSON
	cold     bool
}

// process is the child as the system sees it.
type process interface {
	kill()
	// post is how the process ended and the processor time of its life, known
	// once it is gone.
	post() (how string, cpu time.Duration)
}

type command struct{ *exec.Cmd }

func (c command) kill() { c.Process.Kill() }

func (c command) post() (string, time.Duration) {
	s := c.ProcessState
	return s.String(), s.UserTime() + s.SystemTime()
}

func newWorker(cmd *exec.Cmd, requests, replies, stderr *os.File) *worker {
	w := &worker{
		process: command{cmd}, pid: cmd.Process.Pid, requests: requests, replies: replies, frames: border.NewReader(replies),
		exited: make(chan struct{}), released: make(chan bool, 1), stderr: new(opening),
	}
	var reading sync.WaitGroup
	reading.Add(1)
	go func() {
		defer reading.Done()
		io.Copy(w.stderr, stderr)
		stderr.Close()
	}()
	go func() {
		cmd.Wait()
		reading.Wait()
		close(w.exited)
	}()
	return w
}

// kill ends the process at once. What reads from it is woken without waiting
// for the system to take the process apart.
func (w *worker) kill() {
	w.process.kill()
	w.replies.SetReadDeadline(time.Unix(1, 0))
	w.requests.SetWriteDeadline(time.Unix(1, 0))
}

// end kills the process and returns when it is gone.
func (w *worker) end() {
	w.kill()
	<-w.exited
	w.requests.Close()
	w.replies.Close()
}

// A child is taken for dead when it is not ready in time: after its start, in
// which it may compile the engine, and after a run.
const (
	startWithin = 60 * time.Second
	readyWithin = 5 * time.Second
)

// setUp tells a new child what it needs and waits until it is ready.
func (w *worker) setUp(s *border.Setup) error {
	if err := w.send(s.Append(w.frame)); err != nil {
		return w.explain(err)
	}
	return w.awaitReady(startWithin)
}

func (w *worker) send(frame []byte) error {
	w.frame = frame
	_, err := w.requests.Write(frame)
	return err
}

// maxConfined bounds the text of a Ready message.
const maxConfined = 4 << 10

func (w *worker) awaitReady(within time.Duration) error {
	timer := time.AfterFunc(within, w.kill)
	defer timer.Stop()
	_, m, err := w.frames.Next(func(k border.Kind) int {
		if k == border.KindReady {
			return maxConfined
		}
		return -1
	})
	if err != nil {
		return w.explain(err)
	}
	r, err := border.ParseReady(m)
	if err != nil {
		return err
	}
	w.resident, w.cpu = r.Resident, time.Duration(r.CPU)
	if now, ok := resident(w.pid); ok {
		w.resident = now
	}
	if len(r.Confined) > 0 {
		w.confined = bytes.Clone(r.Confined)
	}
	return nil
}

// explain adds to the end of a child's stream why the child ended.
func (w *worker) explain(err error) error {
	var frame *border.FrameError
	if errors.As(err, &frame) {
		return err
	}
	w.kill()
	select {
	case <-w.exited:
	case <-time.After(time.Second):
		return err
	}
	how, _ := w.process.post()
	if said := w.stderr.String(); said != "" {
		how += ": " + said
	}
	return fmt.Errorf("the child ended: %s", how)
}

// opening keeps the first of what a child writes to standard error: Go's runtime
// says there what it died of, before it shows its stacks.
type opening struct {
	mu  sync.Mutex
	buf []byte
}

const openingSize = 2 << 10

// Write implements io.Writer.
func (o *opening) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, p[:min(len(p), openingSize-len(o.buf))]...)
	return len(p), nil
}

// String is the line that names a cause, or the first one.
func (o *opening) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := strings.ToValidUTF8(strings.TrimSpace(string(o.buf)), "\uFFFD")
	for line := range strings.Lines(text) {
		for _, cause := range []string{"fatal error: ", "panic: ", "sandbox child: "} {
			if strings.HasPrefix(line, cause) {
				return strings.TrimSpace(line)
			}
		}
	}
	first, _, _ := strings.Cut(text, "\n")
	return first
}
