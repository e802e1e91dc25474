package gateway

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/tokenizer"
	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// Site serves one model with several engines, the replicas of a site: those of
// a machine's GPUs, say. Which of them takes a request is package router's
// choice, as for a site of the modelled world: the least loaded one, or the one
// that holds the session's context, while waiting there costs less than
// computing the context anew. An engine that has failed takes no more requests;
// the site has failed when all have.
type Site struct {
	replicas []*engine.Engine
	start    time.Time
	seed     maphash.Seed

	mu       sync.Mutex
	router   *router.Router
	decision router.Decision
	sent     []int // by replica: requests on their way into its queue
	warm     map[uint64]warmth
}

// warmth is where a session's context was computed last.
type warmth struct {
	replica topology.ReplicaID
	tokens  int
	at      time.Duration
}

// maxWarm bounds the sessions whose place is remembered: a session beyond them
// computes its context once more.
const maxWarm = 1 << 16

// NewSite puts engines of one model together. Speed is what the router expects
// of each.
func NewSite(replicas []*engine.Engine, speed Speed) (*Site, error) {
	if len(replicas) == 0 {
		return nil, errors.New("gateway: a site needs an engine")
	}
	w, err := oneSite(replicas, speed)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	policy, err := router.Parse("static-central")
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	c := router.DefaultConfig()
	c.MaxOutput = 0 // the engine refuses what its context does not hold
	return &Site{
		replicas: replicas, start: time.Now(), seed: maphash.MakeSeed(),
		router: router.New(router.NewTable(w), policy.New(), c),
		sent:   make([]int, len(replicas)), warm: map[uint64]warmth{},
	}, nil
}

// Speed is what a replica does, as far as is known: it weighs a queue against a
// prompt that is computed again.
type Speed struct {
	PrefillTokensPerSecond float64
	// Step is the time of an iteration that decodes.
	Step time.Duration
}

// oneSite is a world of one site with one model.
func oneSite(replicas []*engine.Engine, speed Speed) (*topology.World, error) {
	caps := replicas[0].Caps()
	return topology.Assemble(topology.World{
		Name:   "site",
		Models: []topology.Model{{Name: caps.Model, ContextTokens: replicas[0].Context(), Modalities: []string{"text"}}},
		Sites: []topology.Site{{
			Name: "here", Tier: topology.Central, Home: true,
			Deployments: []topology.Deployment{{
				Replicas: len(replicas), Slots: caps.Slots, PrefillTokS: speed.PrefillTokensPerSecond, StepBase: speed.Step,
				KVTokens: int64(caps.Blocks) * int64(caps.BlockTokens),
			}},
		}},
	}, make([]topology.Link, 1))
}

// Submit hands a request to a replica. One that refuses it for a full queue, or
// has failed, is passed over for the next.
func (s *Site) Submit(ctx context.Context, r engine.Request) (*engine.Stream, error) {
	key := s.session(&r)
	refused := make([]bool, len(s.replicas))
	for {
		i := s.choose(key, len(r.Prompt), refused)
		stream, err := s.replicas[i].Submit(ctx, r)
		s.arrived(i, key, len(r.Prompt), err)
		another := errors.Is(err, engine.ErrFull) || err != nil && s.replicas[i].Err() != nil
		if !another || refused[i] { // the second time there is no other
			return stream, err
		}
		refused[i] = true
	}
}

// session is a number for what shares a context; 0 for a request alone.
func (s *Site) session(r *engine.Request) uint64 {
	if r.Session == "" {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	fmt.Fprintf(&h, "%d:%s%s", len(r.Tenant), r.Tenant, r.Session)
	return max(h.Sum64(), 1)
}

// choose asks the router, to whom a replica that has refused, or has failed, is
// one with the longest queue.
func (s *Site) choose(key uint64, prompt int, refused []bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(s.start)
	for i, e := range s.replicas {
		load := e.Stats().Sched
		if refused[i] || e.Err() != nil {
			load.Waiting = math.MaxInt32
		}
		s.router.Observe(now, topology.ReplicaID(i), load.Running, load.Waiting+s.sent[i])
	}
	req := router.Request{Session: key, Origin: topology.None, Pin: topology.None, Input: prompt, Attempt: 1}
	req.History.USDLeft, req.History.TimeLeft = -1, -1
	if w, ok := s.warm[key]; ok && key != 0 {
		req.History.Warm[0] = router.Warm{Target: router.Target{Replica: w.replica}, Tokens: w.tokens, At: w.at}
	}
	s.router.Route(now, &req, &s.decision)
	i := int(s.decision.Target.Replica)
	s.sent[i]++
	return i
}

// arrived notes that a replica has answered a submission.
func (s *Site) arrived(i int, key uint64, prompt int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[i]--
	if err != nil || key == 0 {
		return
	}
	if len(s.warm) >= maxWarm {
		s.forget()
	}
	s.warm[key] = warmth{topology.ReplicaID(i), prompt, time.Since(s.start)}
}

// forget drops the older half of what is remembered of sessions.
func (s *Site) forget() {
	limit := time.Duration(0)
	for _, w := range s.warm {
		limit += w.at / maxWarm
	}
	for key, w := range s.warm {
		if w.at <= limit {
			delete(s.warm, key)
		}
	}
}

// Tokenizer is the engines'.
func (s *Site) Tokenizer() tokenizer.Tokenizer { return s.replicas[0].Tokenizer() }

// Context is what every engine holds.
func (s *Site) Context() int {
	least := s.replicas[0].Context()
	for _, e := range s.replicas[1:] {
		least = min(least, e.Context())
	}
	return least
}

// Caps are those of one engine, with the slots and the memory of all.
func (s *Site) Caps() backend.Caps {
	sum := s.replicas[0].Caps()
	for _, e := range s.replicas[1:] {
		c := e.Caps()
		sum.Slots += c.Slots
		sum.Blocks += c.Blocks
		sum.WeightBytes += c.WeightBytes
		sum.CacheBytes += c.CacheBytes
		sum.Invariant = sum.Invariant && c.Invariant
	}
	return sum
}

// Stats are the engines' sum.
func (s *Site) Stats() engine.Stats {
	var sum engine.Stats
	for _, e := range s.replicas {
		sum = sum.Add(e.Stats())
	}
	return sum
}

// Err is why all engines have failed; nil while one works.
func (s *Site) Err() error {
	var errs []error
	for _, e := range s.replicas {
		err := e.Err()
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Drain drains all engines at once.
func (s *Site) Drain(ctx context.Context) error {
	return s.each(func(e *engine.Engine) error { return e.Drain(ctx) })
}

// Close closes all engines.
func (s *Site) Close() error { return s.each((*engine.Engine).Close) }

func (s *Site) each(do func(*engine.Engine) error) error {
	errs := make([]error, len(s.replicas))
	var all sync.WaitGroup
	for i, e := range s.replicas {
		all.Go(func() { errs[i] = do(e) })
	}
	all.Wait()
	return errors.Join(errs...)
}
