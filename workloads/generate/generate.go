package generate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tierlab/configs"
	"tierlab/internal/rng"
	"tierlab/workloads"
)

// Mix is a population made of several profiles with arrivals of its own.
type Mix struct {
	Name     string   `yaml:"name"`
	Doc      string   `yaml:"doc"`
	Sessions int      `yaml:"sessions"`
	Seed     uint64   `yaml:"seed"`
	Arrivals Arrivals `yaml:"arrivals"`
	Parts    []Part   `yaml:"parts"`
}

// Part is a profile's weight in a mix.
type Part struct {
	Profile string  `yaml:"profile"`
	Weight  float64 `yaml:"weight"`
}

// source is a workload to be generated: populations by weight.
type source struct {
	name        string
	gap         inverse
	populations []*population
	parts       choice
}

// Generate writes n sessions of a profile to w. The same profile, n and seed
// give the same bytes. The sessions are those of any larger n with the same
// seed: each is drawn by its number.
func Generate(p *Profile, n int, seed uint64, w *workloads.Writer) error {
	m, err := compile(p)
	if err != nil {
		return fmt.Errorf("profile %s: %w", p.Name, err)
	}
	s := &source{name: p.Name, gap: m.gap, populations: []*population{m}}
	s.parts.add(0, 1)
	return s.write(n, seed, w)
}

// Generate writes n sessions of the mix to w, as the package's Generate does.
func (x *Mix) Generate(n int, seed uint64, w *workloads.Writer) error {
	arrivals, err := x.Arrivals.law()
	if err != nil {
		return fmt.Errorf("mix %s: %w", x.Name, err)
	}
	s := &source{name: x.Name, gap: arrivals}
	for i, part := range x.Parts {
		p, err := Builtin(part.Profile)
		if err != nil {
			return fmt.Errorf("mix %s: parts[%d]: %w", x.Name, i, err)
		}
		if !(part.Weight > 0) {
			return fmt.Errorf("mix %s: parts[%d]: the weight must be above 0", x.Name, i)
		}
		m, err := compile(p)
		if err != nil {
			return err
		}
		s.populations = append(s.populations, m)
		s.parts.add(i, part.Weight)
	}
	if len(s.populations) == 0 {
		return fmt.Errorf("mix %s: parts must name at least one profile", x.Name)
	}
	return s.write(n, seed, w)
}

func (s *source) write(n int, seed uint64, w *workloads.Writer) error {
	if n < 1 {
		return fmt.Errorf("a workload needs at least one session, not %d", n)
	}
	for _, m := range s.populations {
		if err := m.writePrefixes(w); err != nil {
			return err
		}
	}
	root := rng.New(seed, 0).For(rng.Generate).FoldString(s.name)
	at := 0.0
	for i := range n {
		own := root.Fold(uint64(i))
		if i > 0 {
			at += s.gap.Quantile(own.Fold(0).Fold(whatArrival).Uniform())
		}
		m := s.populations[s.parts.draw(own.Fold(0).Fold(whatPart))]
		session, steps := m.session(own.FoldString(m.profile.Name))
		arrival := workloads.Millis(time.Duration(at*1e3) * time.Millisecond)
		session.ID, session.Arrival = fmt.Sprintf("%s-%05d", m.profile.Name, i+1), &arrival
		if err := w.Session(&session); err != nil {
			return err
		}
		for k := range steps {
			if err := w.Step(&steps[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// writePrefixes writes the profile's prefixes with all their copies.
func (m *population) writePrefixes(w *workloads.Writer) error {
	for i := range m.profile.Prefixes {
		p := m.prefixes[m.profile.Prefixes[i].Name]
		for k := range max(1, p.Copies) {
			x := workloads.Prefix{Name: p.copyName(m.profile.Name, k), Add: p.AddTokens}
			if p.From != "" {
				from := m.prefixes[p.From]
				x.From, x.Keep = from.copyName(m.profile.Name, 0), from.tokens
			}
			if err := w.Prefix(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// law is the gamma law of the gaps, in seconds.
func (a Arrivals) law() (inverse, error) {
	if !(a.PerSecond > 0 && a.CV > 0) {
		return nil, fmt.Errorf("arrivals: per_s and cv must be above 0")
	}
	l, err := Dist{Family: Gamma, Mean: 1 / a.PerSecond, CV: a.CV}.Law()
	if err != nil {
		return nil, fmt.Errorf("arrivals: %w", err)
	}
	return l, nil
}

// Header describes a workload of n sessions from the profile.
func (p *Profile) Header(n int, seed uint64) (workloads.Header, error) {
	text, err := p.YAML()
	if err != nil {
		return workloads.Header{}, err
	}
	h := header(p.Name, text, n, seed)
	h.Provenance.Fitted = map[string]float64{}
	for _, x := range p.Published {
		h.Provenance.Fitted[x.Figure] = x.Value
	}
	for _, s := range p.Sources {
		h.Provenance.Notes = append(h.Provenance.Notes, strings.TrimSpace(s.ID+": "+s.Title+" "+s.URL))
	}
	return h, nil
}

// Header describes a workload of n sessions from the mix; its digest covers
// the profiles too.
func (x *Mix) Header(n int, seed uint64) (workloads.Header, error) {
	text, err := yaml.Marshal(x)
	if err != nil {
		return workloads.Header{}, err
	}
	var notes []string
	for _, part := range x.Parts {
		p, err := configs.Profiles.ReadFile("profiles/" + part.Profile + ".yaml")
		if err != nil {
			return workloads.Header{}, fmt.Errorf("mix %s: no profile %q", x.Name, part.Profile)
		}
		text = append(text, p...)
		notes = append(notes, fmt.Sprintf("profile %s with weight %g", part.Profile, part.Weight))
	}
	h := header(x.Name, text, n, seed)
	h.Provenance.Notes = notes
	return h, nil
}

func header(name string, text []byte, n int, seed uint64) workloads.Header {
	sum := sha256.Sum256(text)
	return workloads.Header{
		Schema: workloads.Schema, Name: name, Tokenizer: "unknown",
		Provenance: workloads.Provenance{
			Source: "generated",
			Method: fmt.Sprintf("tierlab generate: profile %s (sha256 %s), %d sessions, seed %d", name, hex.EncodeToString(sum[:6]), n, seed),
		},
	}
}

// Default is the mix that the program replays when it is given no workload.
func Default() (*Mix, error) {
	text, err := configs.Profiles.ReadFile("profiles/mixes/embedded.yaml")
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	x := new(Mix)
	if err := d.Decode(x); err != nil {
		return nil, fmt.Errorf("mix embedded: %w", err)
	}
	return x, nil
}

// EmbeddedBytes is the default mix as a workload file.
func EmbeddedBytes() ([]byte, error) {
	x, err := Default()
	if err != nil {
		return nil, err
	}
	h, err := x.Header(x.Sessions, x.Seed)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := workloads.NewWriter(&b, h)
	if err := x.Generate(x.Sessions, x.Seed, w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Embedded is the default mix, compiled.
func Embedded() (*workloads.Library, error) {
	b, err := EmbeddedBytes()
	if err != nil {
		return nil, err
	}
	return workloads.ReadLibrary(bytes.NewReader(b), "embedded")
}
