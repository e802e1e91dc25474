package topology

import (
	"math"
	"time"
)

// end is one end of a link: a site, or an origin with its users' last mile.
type end struct {
	at     vector
	tier   Tier // of a site
	origin bool
}

// mostPlaces bounds a World's memory: its links take 40 bytes for every pair.
const mostPlaces = 2048

// network fills the links between all places, and the lists of nearest sites.
func (b *builder) network() {
	tiers, ok := b.tiers()
	if !ok {
		return
	}
	w := b.w
	ends := make([]end, 0, len(w.Sites)+len(w.Origins))
	for _, s := range w.Sites {
		ends = append(ends, end{at: point{s.Lat, s.Lon}.vector(), tier: s.Tier})
	}
	for _, o := range w.Origins {
		ends = append(ends, end{at: point{o.Lat, o.Lon}.vector(), origin: true})
	}
	net := paths{form: b.form.Network, tiers: tiers, banded: b.form.RTTModel == "banded"}
	n := len(ends)
	if n > mostPlaces {
		b.add(b.form.At, "sites", "%d sites and origins are more than %d: a World keeps a link for every pair", n, mostPlaces)
		return
	}
	w.links = make([]Link, n*n)
	for i := range ends {
		for j := i; j < n; j++ {
			l := net.link(&ends[i], &ends[j], i == j)
			w.links[i*n+j], w.links[j*n+i] = l, l
		}
	}
	b.overrides()
}

// tiers orders the network's figures by tier; those of Device are not used.
func (b *builder) tiers() (t [Tiers]tierForm, ok bool) {
	net := b.form.Network
	for _, name := range sortedKeys(net.Tiers) {
		tier, known := tierByName(name)
		f := net.Tiers[name]
		switch {
		case !known || tier == Device:
			b.add(net.At, "tiers", "no network tier %q%s", name, suggest(name, []string{"metro", "regional", "central"}))
		case f.FarRTTMS < f.NearRTTMS:
			b.add(f.At, "far_rtt_ms", "%g is below near_rtt_ms (%g)", f.FarRTTMS, f.NearRTTMS)
		}
		t[tier] = f
	}
	for _, s := range b.w.Sites {
		if s.Tier != Device && t[s.Tier].At.node == nil {
			b.add(net.At, "tiers", "tier %s has sites, but no figures here", s.Tier)
			break
		}
	}
	return t, len(b.found) == 0
}

// paths computes links from positions.
type paths struct {
	form   *networkForm
	tiers  [Tiers]tierForm
	banded bool
}

// link gives the path between two places. Its class is the farther tier's;
// two origins talk like two regional sites, which no session needs.
func (p *paths) link(a, b *end, same bool) Link {
	switch {
	case same && a.origin:
		return p.form.Device.link()
	case same:
		return p.form.SameSite.link()
	}
	class := max(a.class(), b.class())
	t := &p.tiers[class]
	km := a.at.km(b.at)
	return Link{
		RTT:          millis(p.rtt(a, b, t, km)),
		JitterMedian: millis(t.JitterMedianMS),
		JitterSigma:  t.JitterSigma,
		Loss:         t.LossShare,
		Hops:         int16(math.Round(min(t.NearHops+t.HopsPerMm*km/1000, float64(t.MostHops)))),
		GBPerS:       float32(min(p.bandwidth(a), p.bandwidth(b))),
	}
}

func (e *end) class() Tier {
	if e.origin {
		return Metro
	}
	return max(e.tier, Metro)
}

// rtt is the round trip in milliseconds, as the doc comment of the package
// states for either model.
func (p *paths) rtt(a, b *end, t *tierForm, km float64) float64 {
	perKM := p.form.PathStretch * 2 * 1000 / p.form.FibreKMPerS
	if !p.banded {
		return p.access(a) + p.access(b) + perKM*km
	}
	if km > t.ReachKM {
		return t.FarRTTMS + perKM*(km-t.ReachKM)
	}
	return t.NearRTTMS + (t.FarRTTMS-t.NearRTTMS)*km/t.ReachKM
}

func (p *paths) access(e *end) float64 {
	if e.origin {
		return p.form.Access.RTTMS
	}
	return p.tiers[e.class()].AccessRTTMS
}

func (p *paths) bandwidth(e *end) float64 {
	if e.origin {
		return p.form.Access.GBPerS
	}
	return p.tiers[e.class()].GBPerS
}

func (f *pathForm) link() Link {
	return Link{
		RTT: millis(f.RTTMS), JitterMedian: millis(f.JitterMedianMS), JitterSigma: f.JitterSigma,
		Loss: f.LossShare, Hops: int16(f.Hops), GBPerS: float32(f.GBPerS),
	}
}

// overrides replaces the figures that the form's links give.
func (b *builder) overrides() {
	for i := range b.form.Links {
		f := &b.form.Links[i]
		from, okFrom := b.placeNamed(f.At, "from", f.From)
		to, okTo := b.placeNamed(f.At, "to", f.To)
		if !okFrom || !okTo {
			continue
		}
		l := *b.w.Link(from, to)
		setMillis(&l.RTT, f.RTTMS)
		setMillis(&l.JitterMedian, f.JitterMedianMS)
		set(&l.JitterSigma, f.JitterSigma)
		set(&l.Loss, f.LossShare)
		if f.Hops != nil {
			l.Hops = int16(*f.Hops)
		}
		if f.GBPerS != nil {
			l.GBPerS = float32(*f.GBPerS)
		}
		*b.w.Link(from, to), *b.w.Link(to, from) = l, l
	}
}

func set(to *float64, from *float64) {
	if from != nil {
		*to = *from
	}
}

func setMillis(to *time.Duration, from *float64) {
	if from != nil {
		*to = millis(*from)
	}
}

// placeNamed finds a site or an origin by name.
func (b *builder) placeNamed(at pos, field, name string) (Place, bool) {
	switch s := b.w.SiteByName(name); {
	case s != None && s == b.w.DeviceSite:
		b.add(at, field, "%q has no place of its own: it is where its user is; name an origin", name)
		return 0, false
	case s != None:
		return b.w.SitePlace(s), true
	}
	if o := b.w.OriginByName(name); o != None {
		return b.w.OriginPlace(o), true
	}
	var names []string
	for _, s := range b.w.Sites {
		if s.ID != b.w.DeviceSite {
			names = append(names, s.Name)
		}
	}
	for _, o := range b.w.Origins {
		names = append(names, o.Name)
	}
	b.add(at, field, "no site or origin %q%s", name, suggest(name, names))
	return 0, false
}
