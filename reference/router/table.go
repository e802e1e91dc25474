package router

import (
	"cmp"
	"slices"
	"time"

	"tierlab/reference/topology"
)

// Table is a world's routing table: around every place, the sites of each
// tier and the deployments of each model, nearest first. It is immutable, and
// one Table serves every Router of a world.
type Table struct {
	World *topology.World
	tiers [][]hop // place x tier, row by row; one hop a site, to its first server
	holds [][]hop // place x model, row by row
	// servers are all deployments with a replica, site by site in the order
	// of their lists; of[s] is the number of the first one of site s or after.
	servers []server
	of      []int32
	sends   []send // by SiteID
	// held are the models of each tier, each once, by number.
	held [topology.Tiers][]topology.ModelID
	// serverOf is the server of a replica, by ReplicaID.
	serverOf []int32
	// ladder groups the models that some site holds by ability, the least
	// able first. Models of one rung are equally able.
	ladder [][]topology.ModelID
	models []model // by ModelID
	names  []string
}

// hop is a server as seen from a place.
type hop struct {
	rtt      time.Duration
	server   int32
	perToken float32 // time to upload a token of the prompt, in nanoseconds
}

// server is a deployment made ready for decisions: what rules, balancing and
// estimates read, side by side. Times are in nanoseconds.
type server struct {
	site     topology.SiteID
	model    topology.ModelID
	first    topology.ReplicaID
	replicas int32
	in, out  float64 // dollars per token, at most; out includes the answer's bytes
	tier     topology.Tier
	prefill  float64 // per token
	base     float64 // of a decode step
	perSeq   float64 // of a decode step, for each sequence
	slots    float64
	price    topology.Price
}

// send is what a token's bytes cost when they leave a site, in dollars, at
// most: as part of a prompt, and streamed in an event of its own.
type send struct{ token, streamed float64 }

// model is what a model can take, and the best that any of its servers does.
type model struct {
	context    int
	modalities uint32 // bits by number in Table.names
	ability    float64
	paramsB    float64
	frontier   bool
	held       bool    // by some site
	prefill    float64 // least time per token, in nanoseconds
	step       float64 // least time of a decode step, in nanoseconds
}

// text is the modality of a request that names none; it is bit 0.
const text = "text"

// NewTable computes the table of a world. The device stands in no list of
// hops, since where it is depends on the session.
func NewTable(w *topology.World) *Table {
	t := &Table{World: w, names: []string{text}}
	for i := range w.Models {
		t.addModel(&w.Models[i])
	}
	for i := range w.Sites {
		t.of = append(t.of, int32(len(t.servers)))
		t.addServers(&w.Sites[i])
	}
	t.of = append(t.of, int32(len(t.servers)))
	t.addLadder()
	places := len(w.Sites) + len(w.Origins)
	t.tiers = make([][]hop, places*topology.Tiers)
	t.holds = make([][]hop, places*len(w.Models))
	for p := range places {
		t.addPlace(topology.Place(p))
	}
	return t
}

func (t *Table) addModel(m *topology.Model) {
	l := model{context: m.ContextTokens, ability: m.Ability, paramsB: m.ParamsB, frontier: m.Frontier}
	for _, name := range m.Modalities {
		bit := slices.Index(t.names, name)
		if bit < 0 {
			bit = len(t.names)
			t.names = append(t.names, name)
		}
		l.modalities |= 1 << bit
	}
	t.models = append(t.models, l)
}

func (t *Table) addServers(site *topology.Site) {
	p, usd := &t.World.Platform, max(site.EgressUSDPerGB, site.RegionUSDPerGB)/1e9
	sends := send{token: p.BytesPerToken * usd, streamed: (p.BytesPerToken + p.SSEBytes) * usd}
	t.sends = append(t.sends, sends)
	for i := range site.Deployments {
		d := &site.Deployments[i]
		if d.Replicas < 1 {
			continue
		}
		s := server{
			site: site.ID, model: d.Model, first: d.First, replicas: int32(d.Replicas), tier: site.Tier,
			in: max(d.Price.In, d.Price.Cached) / 1e6, out: d.Price.Out/1e6 + sends.streamed, price: d.Price,
			prefill: float64(time.Second) / d.PrefillTokS,
			base:    float64(d.StepBase), perSeq: float64(d.StepPerSeq), slots: float64(max(d.Slots, 1)),
		}
		for range d.Replicas {
			t.serverOf = append(t.serverOf, int32(len(t.servers)))
		}
		t.servers = append(t.servers, s)
		if i, found := slices.BinarySearch(t.held[site.Tier], d.Model); !found {
			t.held[site.Tier] = slices.Insert(t.held[site.Tier], i, d.Model)
		}
		m := &t.models[d.Model]
		if !m.held || s.prefill < m.prefill {
			m.prefill = s.prefill
		}
		if one := s.base + s.perSeq; !m.held || one < m.step {
			m.step = one
		}
		m.held = true
	}
}

func (t *Table) addLadder() {
	var held []topology.ModelID
	for m := range t.models {
		if t.models[m].held {
			held = append(held, topology.ModelID(m))
		}
	}
	slices.SortStableFunc(held, func(a, b topology.ModelID) int {
		return cmp.Compare(t.models[a].ability, t.models[b].ability)
	})
	for i, id := range held {
		if i == 0 || t.models[id].ability != t.models[held[i-1]].ability {
			t.ladder = append(t.ladder, nil)
		}
		top := len(t.ladder) - 1
		t.ladder[top] = append(t.ladder[top], id)
	}
}

func (t *Table) addPlace(p topology.Place) {
	w := t.World
	for _, s := range w.Nearest(p) {
		first, end := t.of[s], t.of[s+1]
		if s == w.DeviceSite || first == end {
			continue
		}
		h := t.hop(p, w.SitePlace(s), first)
		tier := int(p)*topology.Tiers + int(w.Sites[s].Tier)
		t.tiers[tier] = append(t.tiers[tier], h)
		for ; h.server < end; h.server++ {
			m := int(p)*len(w.Models) + int(t.servers[h.server].model)
			t.holds[m] = append(t.holds[m], h)
		}
	}
}

func (t *Table) hop(from, to topology.Place, server int32) hop {
	l := t.World.Link(from, to)
	h := hop{rtt: l.RTT, server: server}
	if l.GBPerS > 0 { // 10^9 bytes/s: bytes per nanosecond
		h.perToken = float32(t.World.Platform.BytesPerToken) / l.GBPerS
	}
	return h
}

// tier lists the sites of a tier around p; never the device.
func (t *Table) tier(p topology.Place, tier topology.Tier) []hop {
	return t.tiers[int(p)*topology.Tiers+int(tier)]
}

// holding lists the servers of m around p; never the device's.
func (t *Table) holding(p topology.Place, m topology.ModelID) []hop {
	return t.holds[int(p)*len(t.World.Models)+int(m)]
}

// find is the number of the first server of a model at a site; -1: none.
func (t *Table) find(s topology.SiteID, m topology.ModelID) int32 {
	for i := t.of[s]; i < t.of[s+1]; i++ {
		if t.servers[i].model == m {
			return i
		}
	}
	return -1
}

// modality is the bit of a request's modality; 0: no model has it.
func (t *Table) modality(name string) uint32 {
	if name == "" {
		return 1
	}
	for i, n := range t.names {
		if n == name {
			return 1 << i
		}
	}
	return 0
}
