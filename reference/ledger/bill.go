package ledger

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"tierlab/reference/topology"
)

// Bill is what a session costs under one book. Total is the sum of the lines'
// amounts.
type Bill struct {
	Book    string `json:"book"`
	Session string `json:"session"`
	Tenant  string `json:"tenant,omitempty"`
	Lines   []Line `json:"lines"`
	Total   int64  `json:"total_pico_usd"`
	// Unlisted are models that the book has no rate for; their calls are not in
	// the bill.
	Unlisted []string `json:"unlisted,omitempty"`
}

// Line is one item of a bill: Amount is Quantity/1e6 * Price / Per, rounded to the
// nearest picodollar, a half away from zero.
type Line struct {
	What     string `json:"what"`
	Model    string `json:"model,omitempty"`
	Quantity int64  `json:"quantity_millionths"` // in millionths of Unit
	Unit     string `json:"unit"`
	Price    int64  `json:"price_pico_usd"` // for Per units
	Per      int64  `json:"per"`
	Amount   int64  `json:"amount_pico_usd"`
}

const millionths = 1_000_000

// ratio is (a*b + round) / c, or the most that an int64 holds; none is negative.
func ratio(a, b, c, round int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(round), 0)
	hi += carry
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}

// line adds an item, unless it is of nothing.
func (b *Bill) line(what, model string, quantity int64, unit string, price, per int64) {
	if quantity <= 0 {
		return
	}
	l := Line{What: what, Model: model, Quantity: quantity, Unit: unit, Price: price, Per: per}
	l.Amount = ratio(quantity, price, per*millionths, per*millionths/2)
	b.Lines = append(b.Lines, l)
	b.Total, _ = sum(b.Total, l.Amount)
}

// atCost adds an item that a run has recorded in dollars.
func (b *Bill) atCost(what string, usd float64) {
	if p := Pico(usd); p > 0 {
		b.line(what, "", millionths, "as recorded", p, 1)
	}
}

// Bill bills a session by a book. The world prices tokens; a call on a deployment
// that it does not have, such as another stack's, is billed at what was recorded.
func (c *Catalogue) Bill(book *Book, w *topology.World, u *Use) Bill {
	b := Bill{Book: book.Name, Session: u.Session, Tenant: u.Tenant}
	if book.Session > 0 {
		b.line("session", "", millionths, "session", book.Session, 1)
	}
	if book.Step > 0 {
		b.line("step", "", book.steps(u)*millionths, "step", book.Step, 1)
	}
	if book.ActiveHour > 0 {
		b.line("active time", "", int64(u.Active.Microseconds()), "s", book.ActiveHour, 3600)
	}
	if book.Neurons > 0 {
		c.billNeurons(&b, book, u)
	}
	if book.Tokens {
		billTokens(&b, w, u)
	}
	for _, part := range book.AtCost {
		b.atCost(part, costPart(&u.Cost, part))
	}
	return b
}

// steps counts what the book takes for steps; one without an answer is free.
func (book *Book) steps(u *Use) int64 {
	n := int64(0)
	for _, tokens := range u.StepTokens {
		if tokens > 0 {
			n++
		}
		if book.StepTokens > 0 && tokens > book.StepTokens {
			n += (tokens - 1) / book.StepTokens
		}
	}
	return n
}

func (c *Catalogue) billNeurons(b *Bill, book *Book, u *Use) {
	per := map[string]int64{} // millionths of a neuron, by model
	for i := range u.Calls {
		k := &u.Calls[i]
		if k.Tier == topology.Device.String() {
			continue
		}
		r, listed := c.neurons[k.Model]
		if !listed && !slices.Contains(b.Unlisted, k.Model) {
			b.Unlisted = append(b.Unlisted, k.Model)
		}
		per[k.Model] += k.Input*r.in + k.Output*r.out
	}
	for _, model := range sorted(per) {
		b.line("inference", model, per[model], "neuron", book.Neurons, 1000)
	}
}

// Elsewhere is the item of calls on deployments that the world does not have.
const Elsewhere = "calls elsewhere"

// served sums tokens that have one price.
type served struct {
	model string
	price topology.Price
}

func (s served) compare(o served) int {
	return cmp.Or(cmp.Compare(s.model, o.model), cmp.Compare(s.price.In, o.price.In),
		cmp.Compare(s.price.Cached, o.price.Cached), cmp.Compare(s.price.Out, o.price.Out))
}

func billTokens(b *Bill, w *topology.World, u *Use) {
	calls, elsewhere := map[served]Calls{}, 0.0
	var order []served
	for i := range u.Calls {
		k := &u.Calls[i]
		d := deployment(w, k.Site, k.Model)
		if d == nil {
			elsewhere += k.USD
			continue
		}
		key := served{k.Model, d.Price}
		if _, seen := calls[key]; !seen {
			order = append(order, key)
		}
		t := calls[key]
		t.Input, t.Cached, t.Output = t.Input+k.Input, t.Cached+k.Cached, t.Output+k.Output
		calls[key] = t
	}
	slices.SortFunc(order, served.compare)
	for _, key := range order {
		t := calls[key]
		for _, part := range []struct {
			what   string
			tokens int64
			usd    float64
		}{
			{"input", t.Input - t.Cached, key.price.In}, {"cached input", t.Cached, key.price.Cached}, {"output", t.Output, key.price.Out},
		} {
			b.line(part.what, key.model, part.tokens*millionths, "token", Pico(part.usd), 1_000_000)
		}
	}
	b.atCost(Elsewhere, elsewhere)
	b.atCost("lost calls", u.Lost)
}

// deployment is what serves a model at a site, or nil.
func deployment(w *topology.World, site, model string) *topology.Deployment {
	if w == nil {
		return nil
	}
	s, m := w.SiteByName(site), w.ModelByName(model)
	if s == topology.None || m == topology.None {
		return nil
	}
	return w.Deployment(s, m)
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
