package sample

// Stops finds stop strings in a text that arrives in parts. It follows one
// output.
//
// The text ends at the first stop string that is complete, and before its first
// byte; of several that are complete at the same byte the longest counts. So
// where the output ends does not depend on how it is cut into parts, which an
// earlier start would: of "abcd" and "bc" the text "abc" ends before "bc",
// whether a "d" follows or not.
type Stops struct {
	patterns []pattern
	held     string // the end of the text so far that may be a stop string's start
	stopped  bool
}

// pattern is a stop string with its Knuth-Morris-Pratt automaton.
type pattern struct {
	text string
	// border[i] is the length of the longest proper prefix of text[:i+1] that is
	// also its suffix.
	border []int
	n      int // bytes of text that the output so far ends with
}

// NewStops starts an output. An empty stop string is a *ParamError.
func NewStops(stops []string) (*Stops, error) {
	s := &Stops{}
	for _, text := range stops {
		if text == "" {
			return nil, &ParamError{"stop", "stop has an empty string, which would end every output before its start"}
		}
		p := pattern{text: text, border: make([]int, len(text))}
		for i := 1; i < len(text); i++ {
			p.next(text[i])
			p.border[i] = p.n
		}
		p.n = 0
		s.patterns = append(s.patterns, p)
	}
	return s, nil
}

// next moves on by a byte and says whether the pattern is complete.
func (p *pattern) next(b byte) bool {
	if p.n == len(p.text) {
		p.n = p.border[p.n-1]
	}
	for p.n > 0 && p.text[p.n] != b {
		p.n = p.border[p.n-1]
	}
	if p.text[p.n] == b {
		p.n++
	}
	return p.n == len(p.text)
}

// Add takes the next part of the text. It returns what may be shown of it and of
// what it held back before, and whether the text has ended. Whole characters
// come out whole if the text's parts and the stop strings are valid UTF-8. After
// the end it returns nothing.
func (s *Stops) Add(text string) (emit string, stopped bool) {
	if s.stopped {
		return "", true
	}
	for i := range len(text) {
		longest := 0
		for k := range s.patterns {
			if p := &s.patterns[k]; p.next(text[i]) {
				longest = max(longest, p.n)
			}
		}
		if longest > 0 {
			s.stopped = true
			all := s.held + text[:i+1]
			s.held = ""
			return all[:len(all)-longest], true
		}
	}
	hold := 0
	for k := range s.patterns {
		hold = max(hold, s.patterns[k].n)
	}
	all := s.held + text
	s.held = all[len(all)-hold:]
	return all[:len(all)-hold], false
}

// Flush returns what is held back, when the text has ended without a stop
// string.
func (s *Stops) Flush() string {
	held := s.held
	s.held = ""
	return held
}
