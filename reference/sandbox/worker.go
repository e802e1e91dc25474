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
	requests *os.File
	replies  *os.File
	frames   *border.Reader
	frame    []byte // memory of the next frame to send

	exited   chan struct{} // closed when the process is gone
	released chan bool     // after a run: whether the child is still good
	errors   *tail

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
		process: command{cmd}, requests: requests, replies: replies, frames: border.NewReader(replies),
		exited: make(chan struct{}), released: make(chan bool, 1), errors: new(tail),
	}
	var reading sync.WaitGroup
	reading.Add(1)
	go func() {
		defer reading.Done()
		io.Copy(w.errors, stderr)
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
	if said := w.errors.String(); said != "" {
		how += ": " + said
	}
	return fmt.Errorf("the child ended: %s", how)
}

// tail keeps the end of what a child writes to standard error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 2 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-tailSize):]...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(p), nil
}

// String is its last line that says something.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.buf)), "\n")
	return strings.ToValidUTF8(strings.TrimSpace(lines[len(lines)-1]), "\uFFFD")
}
