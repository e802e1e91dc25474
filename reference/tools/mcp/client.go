package mcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tierlab/reference/tools"
)

// Servers are the servers whose tools a registry has.
type Servers struct{ list []*server }

// Connect connects to all servers at once and registers their tools. Servers
// that could not be reached are in the error, which may come beside the others;
// their tools are not there. A tool that is not well formed is left out
// (Servers.LeftOut), and so is one whose name is taken.
func Connect(ctx context.Context, reg *tools.Registry, c Config) (*Servers, error) {
	all := &Servers{}
	if err := c.Check(); err != nil {
		return all, err
	}
	failed := make([]error, len(c.Servers))
	var group sync.WaitGroup
	for i, one := range c.Servers {
		s := newServer(reg, one)
		all.list = append(all.list, s)
		group.Go(func() {
			if _, err := s.connected(ctx); err != nil {
				failed[i] = fmt.Errorf("mcp: server %s: %w", s.Name, err)
				s.close()
				return
			}
			go s.follow()
		})
	}
	group.Wait()
	return all, errors.Join(failed...)
}

// server is one server over its connections.
type server struct {
	Server
	registry *tools.Registry
	again    chan struct{} // its tools may have changed
	life     context.Context
	end      context.CancelFunc

	turn    chan struct{} // taken for what follows, and while connecting
	now     *connection
	deaths  int       // in a row
	notTill time.Time // no connection is made before

	mu      sync.Mutex
	offered map[string]offer // by the server's own names
	left    []error          // out, when the tools were listed last
	overdue int              // calls in a row that got no answer in time
}

func newServer(reg *tools.Registry, c Server) *server {
	s := &server{Server: c.withDefaults(), registry: reg, offered: map[string]offer{},
		again: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Starts of a server that keeps dying are firstPause apart, and twice as much
// each time up to lastPause. One that has lived for stable is forgiven.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 30 * time.Second
	stable     = time.Minute
)

var errClosed = errors.New("it has been closed")

// connected is the connection, which is made if there is none.
func (s *server) connected(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errClosed) })()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.now != nil {
		if s.now.alive() {
			return s.now, nil
		}
		s.died(time.Since(s.now.begun))
	}
	if err := s.pause(ctx); err != nil {
		return nil, err
	}
	c, err := connect(ctx, &s.Server, s.changed)
	if err != nil {
		s.died(0)
		return nil, err
	}
	if err := s.sync(ctx, c); err != nil {
		c.end(false)
		s.died(0)
		return nil, err
	}
	s.now = c
	return c, nil
}

// died notes the end of a connection that has lived for a time.
func (s *server) died(lived time.Duration) {
	s.now = nil
	if s.deaths++; lived >= stable {
		s.deaths = 1
	}
	s.notTill = time.Now().Add(min(lastPause, firstPause<<min(s.deaths-1, 20)))
}

// pause waits until a connection may be made, unless that is too late anyway.
func (s *server) pause(ctx context.Context) error {
	wait := time.Until(s.notTill)
	if deadline, ok := ctx.Deadline(); ok && wait > 0 && time.Until(deadline) < wait {
		return fmt.Errorf("it has ended %d times in a row and is started again in %v", s.deaths, wait.Round(time.Millisecond))
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// changed is what a server says about its tools; it may say it in a flood.
func (s *server) changed() {
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// listEvery is how often a server's tools are listed at most.
const listEvery = time.Second

// follow lists the tools again when they have changed.
func (s *server) follow() {
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.again:
		}
		s.turn <- struct{}{}
		if c := s.now; c != nil && c.alive() {
			if err := s.sync(s.life, c); err != nil {
				c.end(false)
			}
		}
		<-s.turn
		select {
		case <-s.life.Done():
			return
		case <-time.After(listEvery):
		}
	}
}

// LeftOut says which tools were left out, and why, as of the last listings.
func (s *Servers) LeftOut() []error {
	var all []error
	for _, one := range s.list {
		one.mu.Lock()
		all = append(all, one.left...)
		one.mu.Unlock()
	}
	return all
}

// Names are those of the tools that are registered, in order.
func (s *Servers) Names() []string {
	var names []string
	for _, one := range s.list {
		one.mu.Lock()
		for _, o := range one.offered {
			names = append(names, o.name)
		}
		one.mu.Unlock()
	}
	slices.Sort(names)
	return names
}

// Close ends all connections and the servers that are our processes. Their tools
// stay registered and fail.
func (s *Servers) Close() error {
	var group sync.WaitGroup
	for _, one := range s.list {
		group.Go(one.close)
	}
	group.Wait()
	return nil
}

func (s *server) close() {
	s.end()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.now != nil {
		s.now.end(true)
	}
}
