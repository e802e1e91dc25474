package router

import (
	"slices"
	"time"

	"tierlab/reference/topology"
)

// Table is a world's routing table: around every place, the sites of each
// tier and the deployments of each model, nearest first. It is immutable, and
// one Table serves every Router of a world.
type Table struct {
	World *topology.World
	tiers [][]Hop // place x tier, row by row
	holds [][]Hop // place x model, row by row
	// device holds the device's deployments by model; nil: none.
	device []*topology.Deployment
	// ladder lists the models by ability, the least able first, ties by number.
	ladder []topology.ModelID
	limits []limit // by model
	names  []string
}

// Hop is a site as seen from a place.
type Hop struct {
	RTT  time.Duration
	Site topology.SiteID
	// Index is the deployment at the site, in lists by model.
	Index int32
}

// limit is what a model can take.
type limit struct {
	context    int
	modalities uint32 // bits by number in Table.names
	ability    float64
}

// text is the modality of a request that names none; it is bit 0.
const text = "text"

// NewTable computes the table of a world. The device stands in no list: where
// it is depends on the session.
func NewTable(w *topology.World) *Table {
	t := &Table{World: w, names: []string{text}, device: make([]*topology.Deployment, len(w.Models))}
	for i := range w.Models {
		t.addModel(&w.Models[i])
	}
	slices.SortStableFunc(t.ladder, func(a, b topology.ModelID) int {
		switch x, y := w.Models[a].Ability, w.Models[b].Ability; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a - b)
	})
	if w.DeviceSite != topology.None {
		for i := range w.Sites[w.DeviceSite].Deployments {
			d := &w.Sites[w.DeviceSite].Deployments[i]
			if t.device[d.Model] == nil {
				t.device[d.Model] = d
			}
		}
	}
	places := len(w.Sites) + len(w.Origins)
	t.tiers = make([][]Hop, places*topology.Tiers)
	t.holds = make([][]Hop, places*len(w.Models))
	for p := range places {
		t.addPlace(topology.Place(p))
	}
	return t
}

func (t *Table) addModel(m *topology.Model) {
	l := limit{context: m.ContextTokens, ability: m.Ability}
	for _, name := range m.Modalities {
		bit := slices.Index(t.names, name)
		if bit < 0 {
			bit = len(t.names)
			t.names = append(t.names, name)
		}
		l.modalities |= 1 << bit
	}
	t.limits = append(t.limits, l)
	t.ladder = append(t.ladder, m.ID)
}

func (t *Table) addPlace(p topology.Place) {
	w := t.World
	for _, s := range w.Nearest(p) {
		if s == w.DeviceSite {
			continue
		}
		site := &w.Sites[s]
		hop := Hop{RTT: w.Link(p, w.SitePlace(s)).RTT, Site: s}
		tier := int(p)*topology.Tiers + int(site.Tier)
		t.tiers[tier] = append(t.tiers[tier], hop)
		for i := range site.Deployments {
			hop.Index = int32(i)
			m := int(p)*len(w.Models) + int(site.Deployments[i].Model)
			t.holds[m] = append(t.holds[m], hop)
		}
	}
}

// tier lists the sites of a tier around p; never the device.
func (t *Table) tier(p topology.Place, tier topology.Tier) []Hop {
	return t.tiers[int(p)*topology.Tiers+int(tier)]
}

// model lists the deployments of m around p; never the device's.
func (t *Table) model(p topology.Place, m topology.ModelID) []Hop {
	return t.holds[int(p)*len(t.World.Models)+int(m)]
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
