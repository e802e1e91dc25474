package steptime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Schema is the version of the document that Write writes and Read reads.
const Schema = "tierlab-steptime/v1"

// Profile is a model fitted to iterations of a real engine, and what a request
// takes beside them.
type Profile struct {
	Schema  string `json:"schema"`
	Date    string `json:"date"`    // of the measurement, YYYY-MM-DD
	Engine  string `json:"engine"`  // and its version
	Backend string `json:"backend"` // such as cpu:bf16
	Model   string `json:"model"`
	Kernels string `json:"kernels"` // the instructions in use
	Machine string `json:"machine"`

	// Step are nanoseconds for a unit of each feature, by its name; a feature
	// that is left out counts for nothing.
	Step     map[string]float64 `json:"step_ns"`
	Overhead Overhead           `json:"overhead"`
	// Measured is the range of each feature in the iterations that were fitted.
	Measured map[string]Range `json:"measured"`
	Residual Residual         `json:"residual"`
}

// Overhead is what a request takes outside iterations, in nanoseconds: on its
// way in (HTTP, tokenisation) until the scheduler has it, and on its way out,
// from the end of an iteration until a token has left.
type Overhead struct {
	In          float64 `json:"in_ns"`
	InPerToken  float64 `json:"in_ns_per_token"` // of the prompt
	Out         float64 `json:"out_ns"`
	OutPerToken float64 `json:"out_ns_per_token"` // of the output, once for the whole of it
}

// Enter is how long a request with that many prompt tokens takes to the
// scheduler.
func (o Overhead) Enter(prompt int) time.Duration {
	return time.Duration(math.Round(o.In + float64(o.InPerToken*float64(prompt))))
}

// Leave is how long an answer takes that has that many tokens by now.
func (o Overhead) Leave(output int) time.Duration {
	return time.Duration(math.Round(o.Out + float64(o.OutPerToken*float64(output))))
}

// Range is an interval, ends included.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Residual says how far the model is from the iterations that it was fitted
// to, as shares of what was measured.
type Residual struct {
	Iterations int     `json:"iterations"`
	Mean       float64 `json:"mean_share"`     // signed: above 0, the model is too slow
	P50        float64 `json:"p50_abs_share"`  // of absolute errors
	P90        float64 `json:"p90_abs_share"`  //
	P99        float64 `json:"p99_abs_share"`  //
	R2         float64 `json:"r2"`             // of the durations, at most 1
	HeldOut    float64 `json:"held_out_share"` // the median absolute error on iterations kept out of the fit
}

// Linear is the profile's model. The profile must be valid, as those of Read are.
func (p *Profile) Linear() Linear {
	var l Linear
	for name, ns := range p.Step {
		if f, ok := FeatureByName(name); ok {
			l[f] = ns
		}
	}
	return l
}

// SetLinear makes l the profile's model. Features without a part in it are left
// out.
func (p *Profile) SetLinear(l Linear) {
	p.Step = map[string]float64{}
	for f, ns := range l {
		if ns != 0 {
			p.Step[Feature(f).String()] = ns
		}
	}
}

// Read reads a profile and checks it. name is what errors call it.
func Read(r io.Reader, name string) (*Profile, error) {
	const limit = 1 << 20
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes: not a profile", name, limit)
	}
	var p Profile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, explain(text, err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", name)
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &p, nil
}

// explain adds the line to a syntax error, and the field to a type error.
func explain(text []byte, err error) error {
	line := func(offset int64) int { return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n")) }
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", line(syntax.Offset), err)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s: a %s, want a %s", line(kind.Offset), kind.Field, kind.Value, kind.Type)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the document ends early")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// Write writes a valid profile, indented.
func (p *Profile) Write(w io.Writer) error {
	p.Schema = Schema
	if err := p.Check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
