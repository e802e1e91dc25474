package inspect

import "tierlab/workloads"

// shared follows which tokens of the shared prefixes some prompt has held, so
// that the first use of each counts as new.
type shared struct {
	prefixes map[string]*heldPrefix
	read     int // of the file's prefixes
}

// heldPrefix is a prefix with the tokens from its beginning that a prompt has
// held: by itself, or as the beginning of a longer prefix.
type heldPrefix struct {
	workloads.Prefix
	held int
}

// define takes the prefixes that the file has defined since the last call.
func (s *shared) define(all []workloads.Prefix) {
	if s.prefixes == nil {
		s.prefixes = map[string]*heldPrefix{}
	}
	for _, p := range all[s.read:] {
		s.prefixes[p.Name] = &heldPrefix{Prefix: p}
	}
	s.read = len(all)
}

// use has a prompt begin with tokens of the named prefix, and says how many of
// them no prompt held before.
func (s *shared) use(name string, tokens int) (fresh int) {
	held := 0
	for at, n := s.prefixes[name], tokens; at != nil && n > 0; at, n = s.prefixes[at.From], min(n, at.Keep) {
		held = max(held, min(n, at.held))
		at.held = max(at.held, n)
	}
	return tokens - held
}
