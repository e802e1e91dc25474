package topology

import (
	"maps"
	"slices"
)

type priceKey struct{ model, provider string }

// builder resolves the names of a form into a World.
type builder struct {
	*problems
	cities       []city
	citySlugs    map[string]int
	serving      servingForm
	accelerators map[string]*acceleratorForm
	providers    map[string]*providerForm
	prices       map[priceKey]Price
	models       []*modelForm
	modelIDs     map[string]ModelID

	form      *topologyForm
	siteNames map[string]bool
	w         *World
}

// takeCatalogues indexes the catalogues by name.
func (b *builder) takeCatalogues(models *modelsForm, accelerators *acceleratorsForm, prices *pricesForm) {
	b.modelIDs = map[string]ModelID{}
	for i := range models.Models {
		m := &models.Models[i]
		if _, ok := b.modelIDs[m.Name]; ok {
			b.add(m.At, "name", "model %q stands here twice", m.Name)
			continue
		}
		if m.active() > m.ParamsB {
			b.add(m.At, "active_b", "more weights are active (%g) than there are (%g)", m.ActiveB, m.ParamsB)
		}
		b.modelIDs[m.Name] = ModelID(len(b.models))
		b.models = append(b.models, m)
	}
	b.serving = accelerators.Serving
	b.accelerators = map[string]*acceleratorForm{}
	for i := range accelerators.Accelerators {
		a := &accelerators.Accelerators[i]
		if b.accelerators[a.Name] != nil {
			b.add(a.At, "name", "accelerator %q stands here twice", a.Name)
		}
		b.accelerators[a.Name] = a
	}
	b.providers = map[string]*providerForm{}
	for i := range prices.Providers {
		p := &prices.Providers[i]
		if b.providers[p.Name] != nil {
			b.add(p.At, "name", "provider %q stands here twice", p.Name)
		}
		b.providers[p.Name] = p
	}
	b.takePrices(prices.Models)
	b.citySlugs = map[string]int{}
	for i, c := range b.cities {
		b.citySlugs[c.slug] = i
	}
}

func (b *builder) takePrices(list []priceForm) {
	b.prices = map[priceKey]Price{}
	for i := range list {
		p := &list[i]
		key := priceKey{p.Model, p.Provider}
		if _, ok := b.prices[key]; ok {
			b.add(p.At, "model", "the price of model %q at provider %q stands here twice", p.Model, p.Provider)
		}
		if _, ok := b.modelIDs[p.Model]; !ok {
			b.add(p.At, "model", "no model %q%s", p.Model, suggest(p.Model, sortedKeys(b.modelIDs)))
		}
		if p.Provider != "" && b.providers[p.Provider] == nil {
			b.add(p.At, "provider", "no provider %q%s", p.Provider, suggest(p.Provider, sortedKeys(b.providers)))
		}
		b.prices[key] = Price{In: p.In, Cached: p.Cached, Out: p.Out}
	}
}

// world builds what the form describes. What is wrong is in b.problems, and
// then the World is not usable.
func (b *builder) world(form *topologyForm) *World {
	b.form, b.siteNames = form, map[string]bool{}
	b.w = &World{Name: form.Name, About: form.About, DeviceSite: None}
	if !b.complete() {
		return nil
	}
	for i, m := range b.models {
		b.w.Models = append(b.w.Models, Model{
			ID: ModelID(i), Name: m.Name, ParamsB: m.ParamsB, ActiveB: m.active(), Ability: m.Ability,
			ContextTokens: m.ContextTokens, Modalities: m.Modalities, Frontier: m.Frontier,
		})
	}
	b.sites()
	b.origins()
	b.quality()
	if len(b.found) > 0 {
		return nil
	}
	b.w.index()
	b.network()
	if len(b.found) > 0 {
		return nil
	}
	w, err := Assemble(*b.w, b.w.links)
	if err != nil {
		b.add(form.At, "", "%v", err)
		return nil
	}
	b.w = w
	b.platform()
	b.faults()
	return b.w
}

// complete says whether every section is there, in the file or in one that it
// extends.
func (b *builder) complete() bool {
	f := b.form
	for _, section := range []struct {
		name   string
		absent bool
	}{
		{"rtt_model", f.RTTModel == ""}, {"provider", f.Provider == ""}, {"network", f.Network == nil},
		{"origins", f.Origins == nil}, {"sites", len(f.Sites) == 0}, {"platform", f.Platform == nil},
		{"quality", f.Quality == nil}, {"validator", f.Validator == nil},
	} {
		if section.absent {
			b.add(f.At, section.name, "is missing; write it, or name a topology that has it in extends")
		}
	}
	if f.RTTModel != "" && f.RTTModel != "banded" && f.RTTModel != "geographic" {
		b.add(f.At, "rtt_model", "no round-trip model %q%s", f.RTTModel, suggest(f.RTTModel, []string{"banded", "geographic"}))
	}
	b.provider(f.Provider, f.At)
	return len(b.found) == 0
}

func (b *builder) provider(name string, at pos) *providerForm {
	p, ok := b.providers[name]
	if !ok && name != "" {
		b.add(at, "provider", "no provider %q%s", name, suggest(name, sortedKeys(b.providers)))
	}
	return p
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
