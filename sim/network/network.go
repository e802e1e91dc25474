package network

import (
	"math"
	"math/bits"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
)

// SlotLength is how long a link's jitter keeps one value.
const SlotLength = 100 * time.Millisecond

// IdleRestart is how long a connection may be unused before it sends with the
// initial window again: one retransmission timeout (RFC 5681, 4.1), which for
// the round trips modelled here is near one second (RFC 6298, 2.1).
const IdleRestart = time.Second

// retransmit is the least time that a lost tail costs.
const retransmit = 200 * time.Millisecond

// Network carries requests between the places of one World. It is used by one
// goroutine at a time; two Networks with the same draws and the same calls
// give the same times.
type Network struct {
	world  *topology.World
	draws  rng.Stream
	places int
	pool   [][]connection // by the two places; rows are made when first used
	faults []topology.Fault
}

// connection is the state of the pool between two places.
type connection struct {
	used   time.Duration // last use, plus one so that 0 is "never"
	window int64         // bytes in flight that it has grown to
}

// New makes a Network. draws is the replication's stream.
func New(w *topology.World, draws rng.Stream) *Network {
	places := len(w.Sites) + len(w.Origins)
	n := &Network{world: w, draws: draws.For(rng.Jitter), places: places, pool: make([][]connection, places)}
	for _, f := range w.Faults {
		if f.Site == topology.None || !f.Down { // a site that is down is the site's own
			n.faults = append(n.faults, f)
		}
	}
	return n
}

// RTT is the round trip between two places at a time, jitter and faults
// included.
func (n *Network) RTT(now time.Duration, a, b topology.Place) time.Duration {
	l := n.world.Link(a, b)
	rtt := l.RTT
	if l.JitterMedian > 0 {
		lo, hi := min(a, b), max(a, b)
		z := n.draws.Fold(uint64(lo)<<32 | uint64(hi)).Fold(uint64(now / SlotLength)).Normal()
		rtt += time.Duration(float64(l.JitterMedian) * math.Exp(l.JitterSigma*z))
	}
	for i := range n.faults {
		if f := &n.faults[i]; meets(f, a, b) && Active(f, i, now, n.draws) {
			rtt = time.Duration(float64(rtt) * max(f.Slow, 1))
		}
	}
	return rtt
}

// Down says whether a fault has cut the link between two places.
func (n *Network) Down(now time.Duration, a, b topology.Place) bool {
	for i := range n.faults {
		if f := &n.faults[i]; f.Down && meets(f, a, b) && Active(f, i, now, n.draws) {
			return true
		}
	}
	return false
}

// meets says whether a fault is on the way between two places: of their link,
// or of a site at either end.
func meets(f *topology.Fault, a, b topology.Place) bool {
	if f.Site != topology.None {
		return a == topology.Place(f.Site) || b == topology.Place(f.Site)
	}
	return f.From == a && f.To == b || f.From == b && f.To == a
}

// Active says whether a fault's window covers now. number tells faults of one
// world apart, and draws is the replication's stream.
func Active(f *topology.Fault, number int, now time.Duration, draws rng.Stream) bool {
	since := now - f.Start
	if since < 0 {
		return false
	}
	window := int64(0)
	if f.Every > 0 {
		window = int64(since / f.Every)
		since %= f.Every
	}
	if since >= f.Length {
		return false
	}
	return f.Probability >= 1 ||
		draws.For(rng.Fault).Fold(uint64(number)).Fold(uint64(window)).Bool(f.Probability)
}

// Request sends bytes from a to b and gives the time until they have arrived
// and the round trip that they met. key makes the loss draw the request's own.
func (n *Network) Request(now time.Duration, a, b topology.Place, bytes int64, key rng.Stream) (oneWay, rtt time.Duration) {
	rtt = n.RTT(now, a, b)
	l := n.world.Link(a, b)
	c := n.connection(a, b)
	p := &n.world.Platform
	oneWay = rtt / 2
	idle := now - (c.used - 1)
	if c.used == 0 || idle > p.KeepAlive {
		oneWay += time.Duration(p.TLSRoundTrips) * rtt
		c.window = int64(p.InitialWindow)
	} else if idle > IdleRestart {
		c.window = int64(p.InitialWindow)
	}
	rounds, window := slowStart(bytes, c.window, int64(float64(l.GBPerS)*float64(rtt)))
	oneWay += time.Duration(rounds) * rtt
	c.window = window
	if l.GBPerS > 0 {
		oneWay += time.Duration(float64(bytes) / float64(l.GBPerS))
	}
	if l.Loss > 0 && key.For(rng.Loss).Bool(l.Loss) {
		oneWay += max(retransmit, 2*rtt)
		c.window = int64(p.InitialWindow)
	}
	c.used = max(c.used, now+oneWay+1)
	return oneWay, rtt
}

// Answer is the time from the sending of an answer's byte at b to its arrival
// at a.
func (n *Network) Answer(now time.Duration, a, b topology.Place) time.Duration {
	return n.RTT(now, a, b) / 2
}

// slowStart gives the round trips that sending bytes takes beyond one flight,
// from a window that doubles every round trip up to the bandwidth-delay
// product bdp, and the window afterwards. All are in bytes. Once the window
// covers bdp the link, not the window, is the limit.
func slowStart(bytes, window, bdp int64) (rounds int, after int64) {
	if window <= 0 || bytes <= window {
		return 0, window
	}
	limit := bdp
	if window >= limit {
		return 0, window
	}
	// After k flights window*(2^k - 1) bytes are out.
	need := bits.Len64(uint64((bytes + window - 1) / window)) // flights: ceil(log2(B/W + 1))
	grow := bits.Len64(uint64((limit - 1) / window))          // doublings until the link is full
	rounds = min(need-1, grow)
	return rounds, min(window<<uint(rounds), max(limit, window))
}

func (n *Network) connection(a, b topology.Place) *connection {
	row := n.pool[a]
	if row == nil {
		row = make([]connection, n.places)
		n.pool[a] = row
	}
	return &row[b]
}
