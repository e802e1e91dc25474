package sim

import (
	"tierlab/reference/topology"
	"tierlab/sim/network"
)

// scheduleFaults puts the first window of every site fault on the calendar.
func (p *point) scheduleFaults() {
	for i := range p.world.Faults {
		f := &p.world.Faults[i]
		if f.Site != topology.None && f.Down {
			p.kernel.Schedule(f.Start, event{kind: fault, session: int32(i), tool: 1})
		}
	}
}

// applyFault takes a fault's site out of service, or brings it back.
func (p *point) applyFault(i int, begin bool) {
	f := &p.world.Faults[i]
	if begin {
		if f.Every > 0 {
			p.kernel.Schedule(p.now+f.Every, event{kind: fault, session: int32(i), tool: 1})
		}
		if !network.Active(f, i, p.now, p.draws) {
			return
		}
		p.kernel.Schedule(p.now+f.Length, event{kind: fault, session: int32(i)})
	}
	down := p.siteDown(f.Site) // windows of several faults may overlap
	for ri := range p.replicas {
		r := &p.replicas[ri]
		if p.world.Replicas[ri].Site == f.Site && r.server != nil {
			if down && r.prefixes != nil {
				r.prefixes.Clear()
			}
			p.afterMove(int32(ri), r.server.SetDown(p.now, down, p.moved[:0]))
		}
	}
	// A site's health is read off its reports, so it is as late as they are.
	p.kernel.Schedule(p.now+p.world.Platform.ViewInterval+p.lag[f.Site],
		event{kind: health, session: int32(f.Site), tool: int32(b2u(down))})
}

// siteDown says whether a site refuses requests now.
func (p *point) siteDown(s topology.SiteID) bool {
	for i := range p.world.Faults {
		if f := &p.world.Faults[i]; f.Site == s && f.Down && network.Active(f, i, p.now, p.draws) {
			return true
		}
	}
	return false
}
