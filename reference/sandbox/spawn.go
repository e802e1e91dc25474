package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"tierlab/reference/sandbox/internal/confine"
)

// spawner starts children from one thread that lives as long as the pool: where
// a child asks to be killed when its parent dies, the system means the thread.
type spawner struct {
	requests chan request
}

type request struct {
	plan  *confine.Plan
	reply chan spawned
}

type spawned struct {
	worker *worker
	err    error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan request)}
	go func() {
		// The thread is given back at the end: one that ends kills its children.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for r := range s.requests {
			w, err := spawn(r.plan)
			r.reply <- spawned{w, err}
		}
	}()
	return s
}

func (s *spawner) start(p *confine.Plan) (*worker, error) {
	reply := make(chan spawned)
	s.requests <- request{p, reply}
	r := <-reply
	return r.worker, r.err
}

// close ends the thread. No start may be under way.
func (s *spawner) close() { close(s.requests) }

// spawn starts this binary as a child. Its standard input and output are the
// protocol's pipes.
func spawn(p *confine.Plan) (w *worker, err error) {
	path, err := executable()
	if err != nil {
		return nil, err
	}
	var files []*os.File
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		files = append(files, r, w)
	}
	cmd := &exec.Cmd{
		Path: path, Args: []string{"tierlab-sandbox"}, Stdin: files[0], Stdout: files[3], Stderr: files[5],
	}
	p.Command(cmd)
	cmd.Env = environment()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	closeAll([]*os.File{files[0], files[3], files[5]})
	return newWorker(cmd, files[1], files[2], files[4]), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// executable is this process's binary, as it is even if the file has been
// replaced since.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// environment is a child's: nothing of this process's but what a system needs
// to start one at all.
func environment() []string {
	env := []string{childVariable + "=1", "GOTRACEBACK=none"}
	if root := os.Getenv("SYSTEMROOT"); root != "" {
		env = append(env, "SYSTEMROOT="+root)
	}
	return env
}
