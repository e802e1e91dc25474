package sim

import (
	"context"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim/des"
	"tierlab/sim/network"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// kind says what an event of the simulator is.
type kind uint8

const (
	arrival      kind = 1 + iota // the next session arrives
	reached                      // its first message has reached its home
	timer                        // a session's timer: tool holds its agent.TimerKind
	transition                   // a workflow service has made its transitions: the router may be asked
	committed                    // a session's events are durable
	validated                    // a validator has looked; tool is 1 when it passed the answer
	toolDone                     // a tool call is over
	callArrives                  // a request has reached its site: session holds the call
	callAnswered                 // its answer has reached the home
	firstToken                   // its first token has reached the home
	wake                         // a replica has something due: session holds the replica
	report                       // a replica's load reaches the router's view
	health                       // the router learns that a site (session) is down (tool 1) or back
	expiry                       // the limit of the attempt that was set first has passed
	fault                        // a site goes down or comes back: session holds the fault
)

// event is what the kernel delivers. gen guards against entities that have
// been replaced since.
type event struct {
	kind    kind
	gen     uint32
	session int32
	step    int32
	attempt int32
	tool    int32
}

// point is one replication of one policy: a world of its own.
type point struct {
	cfg     *Config
	world   *topology.World
	draws   rng.Stream
	kernel  *des.Kernel[event]
	now     time.Duration
	net     *network.Network
	router  *router.Router
	quality quality
	homes   []topology.SiteID // by origin
	lag     []time.Duration   // of a site's reports, by site
	origins []float64         // cumulative weights

	replicas []replica
	sizes    []int // block sizes of the replicas' engines
	prefixes *prefixes
	retain   time.Duration
	moved    []site.Transition // kept for its room

	sessions       []*session
	freeSessions   []int32
	calls          []call
	freeCalls      []int32
	timeouts       timeouts
	took           agent.Call     // kept for its room
	effects        []agent.Effect // kept for its room, used as a queue
	request        router.Request
	decision       router.Decision
	future         router.Future
	futureOf       *session // what future's functions read
	futureStep     int32
	futureTry      int32
	commitUSD      float64
	stepUSD        float64           // of a workflow service's transitions
	started        int32             // sessions put on the calendar of a closed load
	outcome        workloads.Outcome // of a step, reused
	sessionOutcome workloads.Outcome // reused

	window window
	totals Totals
	err    error
}

// newPoint builds an empty world.
func newPoint(cfg *Config) *point {
	w := cfg.Scenario.World
	draws := rng.New(cfg.Seed, uint64(cfg.Replication))
	p := &point{
		cfg: cfg, world: w, draws: draws,
		kernel:  des.New[event](1024),
		net:     network.New(w, draws),
		router:  router.New(cfg.Scenario.table, cfg.Policy.New(), cfg.Router),
		quality: newQuality(w),
	}
	p.placeHomes()
	p.placeReader()
	p.buildReplicas()
	p.prefixes, p.retain = newPrefixes(cfg.Scenario.Library.Prefixes), cfg.Retain
	if p.retain == AutoRetain {
		p.retain = cfg.expectedGap()
	}
	p.bindFuture()
	p.commitUSD, p.stepUSD = commitCost(&w.Platform)
	p.totals.Wanted = cfg.Sessions
	p.window = newWindow(cfg)
	return p
}

// run plays the point to its end: all measured sessions over, or the context
// done.
func (p *point) run(ctx context.Context) error {
	p.scheduleFaults()
	p.firstArrivals()
	const look = 1 << 12 // events between two looks at the context
	for n := uint64(1); p.err == nil && !p.window.complete(&p.totals); n++ {
		at, e, ok := p.kernel.Next()
		if !ok {
			break
		}
		p.now = at
		p.totals.Events++
		p.dispatch(&e)
		if n%look == 0 && ctx.Err() != nil {
			p.totals.Partial = true
			break
		}
	}
	p.close()
	return p.err
}

func (p *point) dispatch(e *event) {
	switch e.kind {
	case arrival:
		p.arrive(e.step)
	case callArrives:
		p.callArrives(e.session, e.gen)
	case callAnswered:
		p.callAnswered(e.session, e.gen)
	case firstToken:
		p.callFirst(e.session, e.gen)
	case wake:
		p.wakeReplica(e.session, e.gen)
	case expiry:
		p.expire()
	case report:
		p.reportReplica(e.session)
	case health:
		p.router.ObserveSite(topology.SiteID(e.session), e.tool == 1)
	case fault:
		p.applyFault(int(e.session), e.tool == 1)
	default:
		p.sessionEvent(e)
	}
}

// close settles the books when the clock has stopped.
func (p *point) close() {
	p.totals.End = p.now
	p.window.close(p)
	for _, s := range p.sessions {
		if s.live {
			p.totals.Active++
			p.totals.ActiveUSD += s.machine.Cost().Total()
		}
	}
	for i := range p.calls {
		if p.calls[i].live {
			p.totals.InFlight++
		}
	}
	p.closeEngines()
	if p.err == nil {
		p.err = p.totals.Check()
	}
}
