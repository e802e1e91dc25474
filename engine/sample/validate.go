package sample

import "fmt"

// MaxTemperature is the largest temperature, as OpenAI's API has it.
const MaxTemperature = 2

// ParamError says which parameter of a request is wrong, by its name in
// OpenAI's API (top_k and min_p by that in vLLM's).
type ParamError struct {
	Param, Message string
}

func (e *ParamError) Error() string { return e.Message }

// Validate refuses parameters outside of their ranges, NaN among them, with a
// *ParamError.
func (p *Params) Validate() error {
	for _, f := range []struct {
		name string
		v    float32
		most float32
	}{
		{"temperature", p.Temperature, MaxTemperature},
		{"top_p", p.TopP, 1},
		{"min_p", p.MinP, 1},
	} {
		if !(f.v >= 0 && f.v <= f.most) {
			return &ParamError{f.name, fmt.Sprintf("%s is %v; it must be from 0 to %v", f.name, f.v, f.most)}
		}
	}
	if p.TopK < 0 {
		return &ParamError{"top_k", fmt.Sprintf("top_k is %d; it must be 0, for all tokens, or a positive number", p.TopK)}
	}
	return nil
}
