package topology

import "time"

// Place numbers the ends of links: sites first, then origins.
type Place int32

// Link is what the network between two places does.
type Link struct {
	// RTT is the undisturbed round trip.
	RTT time.Duration
	// JitterMedian and JitterSigma give the lognormal extra delay of one
	// round trip.
	JitterMedian time.Duration
	JitterSigma  float64
	// Loss is the probability that a transfer meets a retransmission, which
	// costs a retransmission timeout.
	Loss float64
	Hops int16
	// GBPerS is the bandwidth for one transfer, in 10^9 bytes/s.
	GBPerS float32
}

// Fault takes a site or a link out of service, or slows it.
type Fault struct {
	Site     SiteID // None: a link
	From, To Place
	// Start and Length give one window; Every, when set, repeats it.
	Start, Length, Every time.Duration
	// Probability is drawn for each window (1: always).
	Probability float64
	// Down fails what is there; otherwise round trips are multiplied by Slow.
	Down bool
	Slow float64
}
