package jetstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/reference/journal"
)

// cluster is three servers of this process and a store on each.
type cluster struct {
	servers []*Server
	stores  []*Store
}

// freePorts are ports that nothing listens on now.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ports := freePorts(t, 3)
	var routes []string
	for _, p := range ports {
		routes = append(routes, fmt.Sprintf("127.0.0.1:%d", p))
	}
	c := &cluster{servers: make([]*Server, 3), stores: make([]*Store, 3)}
	c.each(t, func(i int) error {
		var err error
		c.servers[i], err = StartServer(ctx, ServerConfig{Name: fmt.Sprint("n", i+1), Dir: t.TempDir(), Cluster: "test", RoutePort: ports[i], Routes: routes})
		return err
	})
	c.each(t, func(i int) error {
		var err error
		c.stores[i], err = Open(ctx, Config{Server: c.servers[i], Node: fmt.Sprint("n", i+1), Replicas: 3, Timeout: 30 * time.Second})
		return err
	})
	t.Cleanup(func() {
		for i := range c.servers {
			c.stores[i].Close()
		}
		c.each(t, func(i int) error { c.servers[i].Stop(); return nil })
	})
	return c
}

func (c *cluster) each(t testing.TB, do func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(c.servers))
	for i := range c.servers {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("node %d: %v", i+1, err)
		}
	}
}

// sink is a history in memory.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *sink) lines(t testing.TB) []line {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	lines, _, err := parse(s.buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// workers starts a worker on each node, whose stores may be wrapped.
func (c *cluster) workers(t testing.TB, wrap func(journal.Store) journal.Store, sessions []string) ([]*worker, *sink) {
	t.Helper()
	out := &sink{}
	var ws []*worker
	for i, s := range c.stores {
		w, err := newWorker(s.node, s, wrap(s), &history{node: s.node, w: out}, 5*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		var mine []string
		for k := i; k < len(sessions); k += len(c.stores) {
			mine = append(mine, sessions[k])
		}
		w.round(strings.TrimRight(sessions[0], "0123456789"), mine)
		ws = append(ws, w)
	}
	return ws, out
}

func names(prefix string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s%d", prefix, i))
	}
	return list
}

func same(s journal.Store) journal.Store { return s }

// TestLeave stops one of three nodes in an orderly way under load: the others
// take its sessions, and what happened is in order.
func TestLeave(t *testing.T) {
	c := startCluster(t)
	sessions := names("leave-", 6)
	ws, out := c.workers(t, same, sessions)
	time.Sleep(time.Second)
	if err := ws[0].leave(); err != nil {
		t.Fatal(err)
	}
	c.stores[0].Close()
	c.servers[0].Stop()
	left := monotonic()
	for until := left + time.Minute; len(unwritten(gather(out.lines(t)), sessions, left)) > 0 && monotonic() < until; {
		time.Sleep(100 * time.Millisecond)
	}
	for _, w := range ws[1:] {
		w.rest(sessions)
		w.leave()
	}
	ops := gather(out.lines(t))
	if err := verify(ops); err != nil {
		t.Error(err)
	}
	if missing := unwritten(ops, sessions, left); len(missing) > 0 {
		t.Errorf("nobody has written to %v after their node left", missing)
	}
}

// unwritten are the sessions of a list to which nothing was written after a time.
func unwritten(ops []op, sessions []string, after time.Duration) []string {
	return slices.DeleteFunc(slices.Clone(sessions), func(s string) bool {
		return slices.ContainsFunc(ops, func(o op) bool {
			return o.Session == s && o.Op == opAppend && o.acknowledged && o.At > after
		})
	})
}
