package router

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tierlab/internal/spell"
	"tierlab/reference/topology"
)

// Spec names a built-in policy and its parameters. As text it is
//
//	name[:param=value[,param=value]...]
//
// such as "cascade" or "trajectory:k=8,first=0". Specs are made by Parse.
type Spec struct {
	entry  *Entry
	values []value // by the entry's Params
}

type value struct {
	number   float64
	duration time.Duration
	tier     topology.Tier
	anyTier  bool
}

// Name is the policy's name without its parameters.
func (s Spec) Name() string { return s.entry.Name }

// String is the shortest text that Parse reads as s: parameters at their
// defaults are left out.
func (s Spec) String() string {
	var b strings.Builder
	b.WriteString(s.entry.Name)
	sep := byte(':')
	for i, p := range s.entry.Params {
		if text := p.format(s.values[i]); text != p.canonical() {
			b.WriteByte(sep)
			b.WriteString(p.Name + "=" + text)
			sep = ','
		}
	}
	return b.String()
}

// New makes a fresh policy. Every Router needs its own.
func (s Spec) New() Policy { return s.entry.build(s) }

// Parse reads a Spec.
func Parse(text string) (Spec, error) {
	name, rest, more := strings.Cut(strings.TrimSpace(text), ":")
	entry := find(name)
	if entry == nil {
		return Spec{}, fmt.Errorf("policy %q is unknown%s", name, suggest(name))
	}
	s := Spec{entry: entry, values: make([]value, len(entry.Params))}
	for i := range entry.Params {
		v, err := entry.Params[i].parse(entry.Params[i].Default)
		if err != nil {
			return Spec{}, err
		}
		s.values[i] = v
	}
	if !more {
		return s, nil
	}
	set := make([]bool, len(entry.Params))
	for pair := range strings.SplitSeq(rest, ",") {
		if err := s.set(strings.TrimSpace(pair), set); err != nil {
			return Spec{}, fmt.Errorf("policy %q: %w", text, err)
		}
	}
	return s, nil
}

func (s *Spec) set(pair string, set []bool) error {
	key, text, ok := strings.Cut(pair, "=")
	if !ok {
		return fmt.Errorf("%q is no parameter; write param=value", pair)
	}
	i := slices.IndexFunc(s.entry.Params, func(p Param) bool { return p.Name == key })
	if i < 0 {
		return fmt.Errorf("%q is no parameter of %s, which %s", key, s.entry.Name, s.entry.takes())
	}
	if set[i] {
		return fmt.Errorf("parameter %q is given twice", key)
	}
	set[i] = true
	var err error
	s.values[i], err = s.entry.Params[i].parse(text)
	return err
}

// ParseList reads specs separated by commas. A piece such as "first=0" goes
// on with the parameters of the spec before it.
func ParseList(text string) ([]Spec, error) {
	var texts []string
	for piece := range strings.SplitSeq(text, ",") {
		piece = strings.TrimSpace(piece)
		if len(texts) > 0 && strings.Contains(piece, "=") && !strings.Contains(piece, ":") {
			texts[len(texts)-1] += "," + piece
			continue
		}
		texts = append(texts, piece)
	}
	specs := make([]Spec, len(texts))
	for i, t := range texts {
		var err error
		if specs[i], err = Parse(t); err != nil {
			return nil, err
		}
		for _, earlier := range specs[:i] {
			if earlier.String() == specs[i].String() {
				return nil, fmt.Errorf("policy %q is listed twice", specs[i])
			}
		}
	}
	return specs, nil
}

// Kind is the type of a parameter.
type Kind uint8

// The kinds of parameter.
const (
	Count    Kind = iota // a whole number from 0
	Number               // a finite number
	Limit                // a finite number, or "none"
	Duration             // as time.ParseDuration reads it, from 0
	TierName             // a tier, or "any"
)

// Param is one parameter of a policy.
type Param struct {
	Name    string
	Kind    Kind
	Default string
	Doc     string
}

func (p *Param) parse(text string) (v value, err error) {
	switch p.Kind {
	case Count:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 20)
		v.number = float64(n)
		if err != nil {
			err = fmt.Errorf("%s=%q is no whole number from 0 to 1048575", p.Name, text)
		}
	case Number, Limit:
		if p.Kind == Limit && text == "none" {
			return value{number: math.NaN()}, nil
		}
		v.number, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v.number) || math.IsInf(v.number, 0) {
			err = fmt.Errorf("%s=%q is no number", p.Name, text)
		}
	case Duration:
		v.duration, err = time.ParseDuration(text)
		if err != nil || v.duration < 0 {
			err = fmt.Errorf("%s=%q is no duration such as 800ms or 2s", p.Name, text)
		}
	case TierName:
		return p.parseTier(text)
	}
	return v, err
}

func (p *Param) parseTier(text string) (value, error) {
	if text == "any" {
		return value{anyTier: true}, nil
	}
	for t := topology.Device; t < topology.Tiers; t++ {
		if text == t.String() {
			return value{tier: t}, nil
		}
	}
	return value{}, fmt.Errorf("%s=%q is no tier: device, metro, regional, central or any", p.Name, text)
}

func (p *Param) format(v value) string {
	switch {
	case p.Kind == Duration:
		return v.duration.String()
	case p.Kind == TierName && v.anyTier:
		return "any"
	case p.Kind == TierName:
		return v.tier.String()
	case math.IsNaN(v.number):
		return "none"
	}
	return strconv.FormatFloat(v.number, 'g', -1, 64)
}

// canonical is the default as format writes it.
func (p *Param) canonical() string {
	v, err := p.parse(p.Default)
	if err != nil {
		return p.Default
	}
	return p.format(v)
}

// suggest names the policy whose name is nearest to a wrong one, or all.
func suggest(name string) string {
	var names []string
	for _, e := range Catalogue() {
		names = append(names, e.Name)
	}
	return spell.Hint(name, names)
}
