package mcp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// grace is how long a server may take to end after its input was closed.
const grace = 500 * time.Millisecond

// process is a server that talks over its standard streams.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser // of the process
	out     io.ReadCloser
	errors  *tail
	ended   chan struct{}
	ours    atomic.Bool // we have ended it
	stopped sync.Once
}

// start runs a server's command with the environment that it was given.
func start(s *Server) (*process, error) {
	p := &process{command: exec.Command(s.Command[0], s.Command[1:]...), errors: &tail{}, ended: make(chan struct{})}
	p.command.Dir = s.Dir
	p.command.Env = []string{} // not nil, which would be all of ours
	for _, name := range s.Pass {
		if value, ok := os.LookupEnv(name); ok {
			p.command.Env = append(p.command.Env, name+"="+value)
		}
	}
	for name, value := range s.Env {
		p.command.Env = append(p.command.Env, name+"="+value)
	}
	ownGroup(p.command)
	p.command.Stderr = p.errors
	p.command.WaitDelay = grace // for those who have inherited standard error
	in, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A pipe of our own: that of StdoutPipe is closed, unread, when the process ends.
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.command.Stdout, p.in, p.out = theirs, in, out
	err = p.command.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	go func() {
		p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process: kindly, and then by force. It returns when it has ended.
func (p *process) stop(kindly bool) {
	p.stopped.Do(func() {
		p.ours.Store(!kindly && p.running())
		p.in.Close()
		if kindly {
			select {
			case <-p.ended:
			case <-time.After(grace):
				p.ours.Store(true)
			}
		}
		kill(p.command)
		<-p.ended
		p.out.Close()
	})
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// why says how the process ended by itself, which may take a moment to be seen
// after its output has ended, and what it said last.
func (p *process) why() string {
	var facts []string
	select {
	case <-p.ended:
	case <-time.After(grace):
	}
	if !p.running() && !p.ours.Load() {
		facts = append(facts, p.command.ProcessState.String())
	}
	if said := p.errors.String(); said != "" {
		facts = append(facts, "it said last: "+said)
	}
	return strings.Join(facts, "; ")
}

// tail keeps the end of what is written to it, for messages.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const maxTail = 400

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(0, len(p)-maxTail):]...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%+q", text)
}

// A server may send maxBurst bytes at once, and perSecond in the long run. A
// call fills the allowance up again.
const (
	maxBurst   = 16 << 20
	perSecond  = 1 << 20
	maxMessage = 8 << 20 // bytes of one message
)

var errFlood = errors.New("it floods its output")

// allowance bounds what is read from a server.
type allowance struct {
	mu   sync.Mutex
	left int
	at   time.Time
}

func newAllowance() *allowance { return &allowance{left: maxBurst, at: time.Now()} }

func (a *allowance) fill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = maxBurst
}

func (a *allowance) take(n int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.left = min(maxBurst, a.left+int(min(now.Sub(a.at), time.Minute).Seconds()*perSecond))
	a.at = now
	if a.left -= n; a.left < 0 {
		return errFlood
	}
	return nil
}

// metered is a reader under an allowance.
type metered struct {
	io.ReadCloser
	*allowance
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if over := m.take(n); over != nil {
		return n, over
	}
	return n, err
}
