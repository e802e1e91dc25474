package placement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/journal"
)

// Log is where nodes announce themselves: all see the announcements in one
// order. A jetstream.Store is one.
type Log interface {
	// Announce writes an announcement; it returns once that is durable.
	Announce(ctx context.Context, node string, body []byte) error
	// Members calls each with the latest announcement of every node that this
	// node's copy of the log has, and its place in the log.
	Members(each func(node string, body []byte, seq uint64))
	// Turnout is closed when another announcement has come.
	Turnout() <-chan struct{}
}

// Config describes one node's placement. All but Wanted and the times are needed.
type Config struct {
	Node string
	Log  Log
	// Sessions lists the sessions in order of name after one, as journal.Store
	// does; a copy that is behind will do.
	Sessions func(ctx context.Context, after string, each func(journal.Head) error) error
	// Wanted says whether a session needs an owner; nil: each does.
	Wanted func(journal.Head) bool
	// Take owns a session and drives it on; of one that this node drives already
	// it does nothing. Drop ends that without writing, because another node owns
	// the session.
	Take func(ctx context.Context, session string) error
	Drop func(session string)
	// Beat is the time between announcements, 0: 400 ms. Lost is after how much
	// flowing log a node is given up, 0: 2.5 s.
	Beat, Lost time.Duration
}

// takers is how many sessions are taken at once.
const takers = 16

// rescan is how long a change of owners goes unnoticed at most.
const rescan = time.Second

// Placement keeps one node's sessions where they belong.
type Placement struct {
	cfg   Config
	begun time.Time

	mu    sync.Mutex
	table *Table
	held  map[string]uint64 // the epoch under which we hold a session, at least

	leaving chan struct{}
	once    sync.Once
}

// announcement is what a node says of itself.
type announcement struct {
	Leaving bool `json:"leaving,omitempty"`
}

// New checks a configuration.
func New(c Config) (*Placement, error) {
	if c.Node == "" || c.Log == nil || c.Sessions == nil || c.Take == nil || c.Drop == nil {
		return nil, errors.New("placement: the configuration needs Node, Log, Sessions, Take and Drop")
	}
	if c.Beat == 0 {
		c.Beat = 400 * time.Millisecond
	}
	if c.Lost == 0 {
		c.Lost = 2500 * time.Millisecond
	}
	if c.Beat <= 0 || c.Lost < 2*c.Beat {
		return nil, fmt.Errorf("placement: a beat of %v and lost after %v: want at least two beats", c.Beat, c.Lost)
	}
	if c.Wanted == nil {
		c.Wanted = func(journal.Head) bool { return true }
	}
	return &Placement{cfg: c, begun: time.Now(), table: NewTable(c.Node, c.Beat, c.Lost), held: map[string]uint64{}, leaving: make(chan struct{})}, nil
}

// Adopt says that this node drives a session, which it has just created or woken
// under an epoch.
func (p *Placement) Adopt(session string, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[session] = epoch
}

// Live lists the nodes that this one takes to be there.
func (p *Placement) Live() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.table.Live()
}

// Run announces this node and takes sessions over until ctx or Leave ends it.
func (p *Placement) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.leaving:
			cancel()
		case <-ctx.Done():
		}
	}()
	var beats sync.WaitGroup
	beats.Add(1)
	go func() {
		defer beats.Done()
		p.announce(ctx)
	}()
	defer beats.Wait()
	var last []string
	var scanned time.Time
	for ctx.Err() == nil {
		turnout := p.cfg.Log.Turnout()
		live := p.observe()
		if !slices.Equal(live, last) || time.Since(scanned) >= rescan {
			scanned = time.Now()
			last = live
			if !p.scan(ctx, live) {
				last = nil // something is left to do
			}
		}
		timer := time.NewTimer(p.cfg.Beat)
		select {
		case <-turnout:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// announce writes an announcement each beat. One that does not get through within
// a beat is given up for the next, which says the same.
func (p *Placement) announce(ctx context.Context) {
	body, _ := json.Marshal(announcement{})
	tick := time.NewTicker(p.cfg.Beat)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, p.cfg.Beat)
		p.cfg.Log.Announce(once, p.cfg.Node, body)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// observe brings the table up to date.
func (p *Placement) observe() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Since(p.begun)
	hear := func(own bool) func(string, []byte, uint64) {
		return func(node string, body []byte, seq uint64) {
			var a announcement
			if (node == p.cfg.Node) == own && json.Unmarshal(body, &a) == nil {
				p.table.Heard(now, node, seq, a.Leaving)
			}
		}
	}
	// Our own first: what others have said meanwhile counts from there on.
	p.cfg.Log.Members(hear(true))
	p.cfg.Log.Members(hear(false))
	return p.table.Live()
}

// scan takes what falls to this node and drops what others have taken. It says
// whether nothing is left to do.
func (p *Placement) scan(ctx context.Context, live []string) bool {
	var take []journal.Head
	err := p.cfg.Sessions(ctx, "", func(h journal.Head) error {
		mine := h.Owner == p.cfg.Node
		epoch, held := p.holds(h.Session)
		if held && !mine && h.Epoch > epoch {
			p.release(h.Session)
			p.cfg.Drop(h.Session)
			held = false
		}
		if held || !p.cfg.Wanted(h) {
			return nil
		}
		_, there := slices.BinarySearch(live, h.Owner)
		if mine || !there && Place(h.Session, live) == p.cfg.Node {
			take = append(take, h)
		}
		return nil
	})
	return p.takeAll(ctx, take) && err == nil
}

// takeAll takes sessions, some at a time, and says whether all were taken.
func (p *Placement) takeAll(ctx context.Context, sessions []journal.Head) bool {
	var wg sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, takers)
	for _, h := range sessions {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-slots; wg.Done() }()
			if ctx.Err() == nil && p.cfg.Take(ctx, h.Session) == nil {
				// The copy that h is from may be behind for a while: only owners of
				// a higher epoch than ours have taken it from us.
				p.Adopt(h.Session, h.Epoch+1)
				return
			}
			failed.Store(true)
		}()
	}
	wg.Wait()
	return !failed.Load()
}

func (p *Placement) holds(session string) (epoch uint64, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	epoch, held = p.held[session]
	return epoch, held
}

func (p *Placement) release(session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, session)
}

// Leave ends Run and tells the others to take over at once. The caller has let go
// of its sessions before.
func (p *Placement) Leave(ctx context.Context) error {
	p.once.Do(func() { close(p.leaving) })
	body, _ := json.Marshal(announcement{Leaving: true})
	return p.cfg.Log.Announce(ctx, p.cfg.Node, body)
}
