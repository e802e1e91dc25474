package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tierlab/reference/topology"
)

// showTopology prints what decides a run's figures, on one screen.
func showTopology(name string, stdio Stdio) error {
	w, err := readWorld(name)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Out, "%s: %s\n%s, %s, %s, sha256 %.12s\n\n", w.Name, w.About,
		count(len(w.Sites), "site"), count(len(w.Origins), "origin"), count(len(w.Models), "model"), w.Digest)
	if err := tierTable(w).write(stdio.Out); err != nil {
		return err
	}
	fmt.Fprintln(stdio.Out)
	if err := modelTable(w).write(stdio.Out); err != nil {
		return err
	}
	fmt.Fprintln(stdio.Out)
	return platformTable(w).write(stdio.Out)
}

// tierTable has a row for each tier: how near it is and how much it holds.
func tierTable(w *topology.World) *table {
	t := newTable("TIER", "SITES", "REPLICAS", "SLOTS", "RTT P50", "RTT MAX", "HOPS", "WITHIN 50 MS")
	for tier := topology.Device; tier < topology.Tiers; tier++ {
		sites := w.SitesIn(tier)
		if len(sites) == 0 {
			continue
		}
		replicas, slots := 0, 0
		for _, s := range sites {
			for _, d := range w.Sites[s].Deployments {
				replicas += d.Replicas
				slots += d.Replicas * d.Slots
			}
		}
		reach := reachOf(w, tier)
		t.row(tier.String(), fmt.Sprint(len(sites)), fmt.Sprint(replicas), fmt.Sprint(slots),
			milliseconds(reach.quantile(0.5).RTT), milliseconds(reach.quantile(1).RTT), fmt.Sprint(reach.quantile(0.5).Hops),
			fmt.Sprintf("%.0f %%", 100*w.ShareWithin(tier, 50*time.Millisecond)))
	}
	return t
}

// reach is how far users are from a tier: a link for each origin, nearest
// first, with the share of users behind it.
type reach []path

type path struct {
	share float64
	link  *topology.Link
}

func reachOf(w *topology.World, tier topology.Tier) reach {
	var r reach
	for _, o := range w.Origins {
		from := w.OriginPlace(o.ID)
		if s := w.NearestIn(from, tier); s != topology.None {
			r = append(r, path{o.Weight, w.Link(from, w.PlaceOf(s, o.ID))})
		}
	}
	slices.SortStableFunc(r, func(a, b path) int { return cmp.Compare(a.link.RTT, b.link.RTT) })
	return r
}

// quantile is the link that share p of the users are at or nearer than.
func (r reach) quantile(p float64) topology.Link {
	passed := 0.0
	for _, x := range r {
		if passed += x.share; passed >= p {
			return *x.link
		}
	}
	return *r[len(r)-1].link
}

// modelTable has a row for each model that a site serves.
func modelTable(w *topology.World) *table {
	t := newTable("MODEL", "ABILITY", "CONTEXT", "SERVED IN", "USD/MTOK IN", "OUT")
	for i := range w.Models {
		m := &w.Models[i]
		var tiers []string
		var in, out []float64
		for _, s := range w.ServingSites(m.ID) {
			d := w.Deployment(s, m.ID)
			in, out = append(in, d.Price.In), append(out, d.Price.Out)
			if tier := w.Sites[s].Tier.String(); !slices.Contains(tiers, tier) {
				tiers = append(tiers, tier)
			}
		}
		if len(tiers) > 0 {
			t.row(m.Name, fmt.Sprintf("%.2f", m.Ability), thousands(m.ContextTokens), strings.Join(tiers, ", "), priceRange(in), priceRange(out))
		}
	}
	return t
}

func priceRange(usd []float64) string {
	low, high := slices.Min(usd), slices.Max(usd)
	if low == high {
		return fmt.Sprintf("%.4g", low)
	}
	return fmt.Sprintf("%.4g-%.4g", low, high)
}

// platformTable says where state, orchestration and tools are.
func platformTable(w *topology.World) *table {
	p := &w.Platform
	state, orchestration := "with the session's actor", "in the runtime"
	if p.State.External {
		state = "in an external store"
	}
	if p.Orchestration.Service {
		orchestration = fmt.Sprintf("a separate service, %s a transition (p50), %.3g USD a step",
			milliseconds(p.Orchestration.TransitionP50), p.Orchestration.USDPerStep)
	}
	t := newTable("PLATFORM", "")
	t.row("state", fmt.Sprintf("%s, commit %s (p50), %s (p99)", state, milliseconds(p.State.CommitP50), milliseconds(p.State.CommitP99)))
	t.row("orchestration", orchestration)
	t.row("tools", fmt.Sprintf("at %s, %s start %s (p50), %s (p99)", p.ToolsAt, p.Sandbox.Kind,
		milliseconds(p.Sandbox.StartP50), milliseconds(p.Sandbox.StartP99)))
	t.row("quality", fmt.Sprintf("rho %.2g; the validator misses %.0f %%, raises %.0f %% false alarms", w.Quality.Rho, 100*w.Validator.Miss, 100*w.Validator.FalseAlarm))
	return t
}

// milliseconds writes d with three digits.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}
