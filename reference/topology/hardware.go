package topology

import (
	"math"
	"strings"
	"time"
)

// speeds are what one replica of a deployment can do.
type speeds struct {
	prefillTokS          float64
	stepBase, stepPerSeq time.Duration
	kvTokens             int64
	watts                float64
}

// kvBytesPerTok is the memory of one token of context: keys and values of
// every layer.
func (m *modelForm) kvBytesPerTok() float64 {
	bytes := m.KVBytes
	if bytes == 0 {
		bytes = 2 // bf16
	}
	return 2 * float64(m.Layers*m.KVHeads*m.HeadDim) * bytes
}

func (m *modelForm) active() float64 {
	if m.ActiveB == 0 {
		return m.ParamsB
	}
	return m.ActiveB
}

// roofline derives a replica's speeds from its accelerators and its model, as
// the doc comment of the package states. The figures that a deployment gives
// itself replace the derived ones.
func (b *builder) roofline(d *deploymentForm, m *modelForm) (speeds, bool) {
	var s speeds
	if d.Accelerator == "" {
		if d.PrefillTokPerS == nil || d.StepBaseMS == nil || d.StepPerSeqMS == nil || d.KVTok == nil {
			b.add(d.At, "", "name an accelerator, or give prefill_tok_per_s, step_base_ms, step_per_seq_ms and kv_tok")
			return s, false
		}
	} else {
		var ok bool
		if s, ok = b.derive(d, m); !ok {
			return s, false
		}
	}
	if d.PrefillTokPerS != nil {
		s.prefillTokS = *d.PrefillTokPerS
	}
	if d.StepBaseMS != nil {
		s.stepBase = millis(*d.StepBaseMS)
	}
	if d.StepPerSeqMS != nil {
		s.stepPerSeq = millis(*d.StepPerSeqMS)
	}
	if d.KVTok != nil {
		s.kvTokens = int64(*d.KVTok)
	}
	return s, true
}

func (b *builder) derive(d *deploymentForm, m *modelForm) (speeds, bool) {
	a, ok := b.accelerators[d.Accelerator]
	if !ok {
		b.add(d.At, "accelerator", "no accelerator %q%s", d.Accelerator, suggest(d.Accelerator, sortedKeys(b.accelerators)))
		return speeds{}, false
	}
	count := d.PerReplica
	if count == 0 {
		count = 1
	}
	usable := b.serving.MemoryShare
	if a.UsableShare > 0 {
		usable = a.UsableShare
	}
	weightBytes := b.serving.DefaultWeightInBytes
	if d.BytesPerWeight > 0 {
		weightBytes = d.BytesPerWeight
	}
	weights := m.ParamsB * 1e9 * weightBytes
	free := count*a.MemoryGB*1e9*usable - weights
	kv := m.kvBytesPerTok()
	if free <= 0 || free < kv {
		b.add(d.At, "model", "%s needs %.1f GB for its weights, but %g x %s leave %.1f GB usable; raise accelerators_per_replica to %d, or lower bytes_per_weight",
			m.Name, weights/1e9, count, a.Name, count*a.MemoryGB*usable, int(math.Ceil((weights+kv)/(a.MemoryGB*1e9*usable))))
		return speeds{}, false
	}
	split := 1.0
	if count > 1 {
		split = b.serving.ParallelShare
	}
	flops := count * a.BF16TFLOPS * 1e12 * b.serving.PrefillShare * split
	bandwidth := count * a.GBPerS * 1e9 * b.serving.DecodeShare * split
	perToken := 2 * m.active() * 1e9 / flops
	s := speeds{
		prefillTokS: 1 / perToken,
		stepBase:    seconds(weights/bandwidth) + millis(b.serving.IterationMS),
		stepPerSeq:  seconds(perToken + kv*float64(min(b.serving.MeanContextTokens, m.ContextTokens))/bandwidth),
		kvTokens:    int64(d.Slots) * int64(m.ContextTokens),
		watts:       count * a.Watts,
	}
	if kv > 0 {
		s.kvTokens = int64(free / kv)
	}
	return s, true
}

// batching is DefaultBatching with what the form gives in its place.
func (f *batchingForm) batching() Batching {
	b := DefaultBatching()
	if f == nil {
		return b
	}
	take(&b.BlockTokens, f.BlockTok)
	take(&b.BudgetTokens, f.BudgetTok)
	take(&b.Ahead, f.Ahead)
	take(&b.KeepShare, f.KeepShare)
	if f.StallMS != nil {
		b.Stall = millis(*f.StallMS)
	}
	return b
}

func take[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}

// price is a deployment's own price, or the catalogue's for its provider, or
// the catalogue's for any provider.
func (b *builder) price(d *deploymentForm, provider string) Price {
	p, ok := b.prices[priceKey{d.Model, provider}]
	if !ok {
		p, ok = b.prices[priceKey{d.Model, ""}]
	}
	own := d.USDPerMtokIn != nil && d.USDPerMtokHit != nil && d.USDPerMtokOut != nil
	if !ok && !own {
		b.add(d.At, "model", "no price for model %q at provider %q; add it to prices.yaml, or give usd_per_mtok_in, usd_per_mtok_cached and usd_per_mtok_out", d.Model, provider)
	}
	if d.USDPerMtokIn != nil {
		p.In = *d.USDPerMtokIn
	}
	if d.USDPerMtokHit != nil {
		p.Cached = *d.USDPerMtokHit
	}
	if d.USDPerMtokOut != nil {
		p.Out = *d.USDPerMtokOut
	}
	return p
}

// deployment makes one entry of a site's list.
func (b *builder) deployment(d *deploymentForm, provider string) (Deployment, bool) {
	id, ok := b.modelIDs[d.Model]
	if !ok {
		b.add(d.At, "model", "no model %q%s", d.Model, suggest(d.Model, sortedKeys(b.modelIDs)))
		return Deployment{}, false
	}
	s, ok := b.roofline(d, b.models[id])
	out := Deployment{
		Model: id, Replicas: d.Replicas, Slots: d.Slots, QueueLimit: d.QueueLimit,
		PrefillTokS: s.prefillTokS, StepBase: s.stepBase, StepPerSeq: s.stepPerSeq, KVTokens: s.kvTokens,
		Context: min(b.serving.MeanContextTokens, b.models[id].ContextTokens), Batching: d.Batching.batching(),
		Price: b.price(d, provider), ColdStart: seconds(d.ColdStartS), WarmFor: seconds(d.WarmForS),
	}
	full := s.stepBase + time.Duration(d.Slots)*s.stepPerSeq
	if d.Slots > 0 {
		out.JoulesPerTok = s.watts * full.Seconds() / float64(d.Slots)
	}
	return out, ok
}

func millis(ms float64) time.Duration { return seconds(ms / 1e3) }

// seconds rounds to the nanosecond and stays within what a Duration holds.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(min(s*1e9, math.MaxInt64/4)))
}

func tierByName(name string) (Tier, bool) {
	for t := Device; t < Tiers; t++ {
		if t.String() == strings.ToLower(name) {
			return t, true
		}
	}
	return 0, false
}
