package network

import (
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
)

// pair is a world of one site and one user and the link between them.
func pair(t *testing.T, l topology.Link, change ...func(*topology.World)) *topology.World {
	t.Helper()
	w := topology.World{
		Name:    "pair",
		Models:  []topology.Model{{Name: "m"}},
		Sites:   []topology.Site{{Name: "site", Tier: topology.Central}},
		Origins: []topology.Origin{{Name: "user", Weight: 1}},
		Platform: topology.Platform{
			KeepAlive: time.Minute, InitialWindow: 14_600, TLSRoundTrips: 2,
		},
	}
	for _, f := range change {
		f(&w)
	}
	world, err := topology.Assemble(w, []topology.Link{{}, l, l, {}})
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// TestJitterDistribution holds round trips, one a slot, to the lognormal that
// the link's figures name (Kolmogorov-Smirnov), and a slot to one value in
// both directions.
func TestJitterDistribution(t *testing.T) {
	link := topology.Link{RTT: 80 * time.Millisecond, JitterMedian: 3 * time.Millisecond, JitterSigma: 0.8}
	n := New(pair(t, link), rng.New(1, 0))
	want := distuv.LogNormal{Mu: math.Log(3), Sigma: 0.8}
	const slots = 20_000
	extra := make([]float64, slots)
	for i := range extra {
		at := time.Duration(i) * SlotLength
		rtt := n.RTT(at, 0, 1)
		if rtt != n.RTT(at+SlotLength-1, 1, 0) {
			t.Fatalf("slot %d: there and back differ within a slot", i)
		}
		extra[i] = float64(rtt-link.RTT) / 1e6
	}
	if r := stat.Correlation(extra[1:], extra[:slots-1], nil); math.Abs(r) > 4/math.Sqrt(slots) {
		t.Errorf("correlation %.4f between neighbouring slots", r)
	}
	slices.Sort(extra)
	worst := 0.0
	for i, x := range extra {
		worst = max(worst, math.Abs(want.CDF(x)-(float64(i)+0.5)/slots))
	}
	if limit := 1.95 / math.Sqrt(slots); worst > limit { // one in a thousand
		t.Errorf("distance %.4f from the link's lognormal, at most %.4f wanted", worst, limit)
	}
}

// TestLossRate: the link's share of transfers waits for a retransmission.
func TestLossRate(t *testing.T) {
	const transfers, loss = 20_000, 0.03
	link := topology.Link{RTT: 50 * time.Millisecond, Loss: loss}
	n := New(pair(t, link), rng.New(1, 0))
	late := 0
	for i := range uint64(transfers) {
		at := time.Duration(i) * 500 * time.Millisecond
		switch oneWay, rtt := n.Request(at, 0, 1, 1000, rng.New(2, i)); {
		case i == 0 || rtt != link.RTT:
		case oneWay == link.RTT/2+200*time.Millisecond:
			late++
		case oneWay != link.RTT/2:
			t.Fatalf("transfer %d takes %v", i, oneWay)
		}
	}
	if limit := 4 * math.Sqrt(loss*(1-loss)/transfers); math.Abs(float64(late)/transfers-loss) > limit {
		t.Errorf("%d of %d transfers were late, want %.3f within %.4f", late, transfers, loss, limit)
	}
}

// TestConnectionByHand sends 100,000 bytes over a link of 100 ms and 10 MB/s,
// cold, warm and idle: two round trips of set-up, two of slow start (14,600 +
// 29,200 bytes, then 58,400 cover the rest), half a round trip, 10 ms of bytes.
func TestConnectionByHand(t *testing.T) {
	const ms = time.Millisecond
	n := New(pair(t, topology.Link{RTT: 100 * ms, GBPerS: 0.01}), rng.New(1, 0))
	at := time.Duration(0)
	for _, c := range []struct {
		what  string
		pause time.Duration
		want  time.Duration
	}{
		{"cold", 0, (2*100 + 2*100 + 50 + 10) * ms},
		// The window has doubled twice, to 58,400: the first flight, then one more.
		{"busy", 10 * ms, (100 + 50 + 10) * ms},
		{"busy, with a window of the transfer's length", 10 * ms, (50 + 10) * ms},
		{"idle", 2 * time.Second, (2*100 + 50 + 10) * ms},
		{"closed", 2 * time.Minute, (2*100 + 2*100 + 50 + 10) * ms},
	} {
		at += c.pause
		got, _ := n.Request(at, 0, 1, 100_000, rng.New(2, 0))
		if d := got - c.want; d < -2 || d > 2 {
			t.Errorf("%s: %v, by hand %v", c.what, got, c.want)
		}
		at += got
	}
}

// TestFaultWindows: a window repeats, is drawn with its probability, and slows
// or cuts its own link only while it lasts.
func TestFaultWindows(t *testing.T) {
	const windows = 5000
	f := topology.Fault{Site: topology.None, From: 0, To: 1, Start: 10 * time.Second, Length: 2 * time.Second, Every: 5 * time.Second, Probability: 0.3, Slow: 4}
	link := topology.Link{RTT: 50 * time.Millisecond}
	n := New(pair(t, link, func(w *topology.World) { w.Faults = []topology.Fault{f} }), rng.New(1, 0))
	slow := 0
	for i := range windows {
		begin := f.Start + time.Duration(i)*f.Every
		first, last := n.RTT(begin, 0, 1), n.RTT(begin+f.Length-1, 1, 0)
		if first != last {
			t.Fatalf("window %d changes while it lasts", i)
		}
		if first == 4*link.RTT {
			slow++
		}
		if before, after := n.RTT(begin-1, 0, 1), n.RTT(begin+f.Length, 0, 1); before != link.RTT || after != link.RTT {
			t.Fatalf("window %d: %v before, %v after", i, before, after)
		}
	}
	if limit := 4 * math.Sqrt(0.3*0.7/windows); math.Abs(float64(slow)/windows-0.3) > limit {
		t.Errorf("%d of %d windows come about, want 0.3 of them", slow, windows)
	}
}
