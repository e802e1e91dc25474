package shapes

import (
	"fmt"
	"strconv"
	"strings"
)

// Shape is one load.
type Shape struct {
	Kind    string // "pp", "tg", "batch", "sessions", "stall"
	N       int    // tokens of pp, tg and stall; sequences of batch and sessions
	Context int    // of tg: prompt tokens before the first that counts; at least 1
}

// kinds are the shapes with the bounds of their number.
var kinds = []struct {
	name        string
	least, most int
}{
	{"pp", 1, 1 << 20}, {"tg", 1, 1 << 20}, {"batch", 1, 4096}, {"sessions", 1, 4096}, {"stall", 256, 1 << 20},
}

// Default is what is measured when nothing is asked for.
const Default = "pp512,tg128,tg128@4096,batch16,sessions16"

// Parse reads a comma-separated list such as "pp512,tg128@4096,batch16".
func Parse(list string) ([]Shape, error) {
	var shapes []Shape
	for name := range strings.SplitSeq(list, ",") {
		s, err := parse(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		shapes = append(shapes, s)
	}
	return shapes, nil
}

func parse(name string) (Shape, error) {
	for _, k := range kinds {
		rest, ok := strings.CutPrefix(name, k.name)
		if !ok {
			continue
		}
		number, context, at := strings.Cut(rest, "@")
		s := Shape{Kind: k.name, Context: 1}
		var err error
		if s.N, err = strconv.Atoi(number); err != nil || s.N < k.least || s.N > k.most {
			return Shape{}, fmt.Errorf("shape %q: want %s and a number from %d to %d", name, k.name, k.least, k.most)
		}
		if !at {
			return s, nil
		}
		if s.Context, err = strconv.Atoi(context); err != nil || k.name != "tg" || s.Context < 1 || s.Context > 1<<20 {
			return Shape{}, fmt.Errorf("shape %q: @ and a context of 1 to %d tokens may follow tg only", name, 1<<20)
		}
		return s, nil
	}
	return Shape{}, fmt.Errorf("shape %q is none of pp512, tg128, tg128@4096, batch16, sessions16, stall16384 (with any number)", name)
}

func (s Shape) String() string {
	if s.Kind == "tg" && s.Context > 1 {
		return fmt.Sprintf("tg%d@%d", s.N, s.Context)
	}
	return s.Kind + strconv.Itoa(s.N)
}

// Constants of the shapes with more than one number.
const (
	batchTokens    = 128  // output of each sequence of batch
	batchPrompt    = 16   // prompt of each
	sessionPrefix  = 1024 // tokens that all sessions begin with
	sessionAdds    = 64   // tokens that each call adds
	sessionOutput  = 32
	sessionCalls   = 2
	stallNeighbors = 4 // sequences that decode while the prompt arrives
	stallPrompt    = 64
)

// needs is the context and the slots that an engine must have for a shape.
func (s Shape) needs() (context, slots int) {
	switch s.Kind {
	case "pp":
		return s.N + 1, 1
	case "tg":
		return s.Context + s.N, 1
	case "batch":
		return batchPrompt + batchTokens, s.N
	case "sessions":
		return sessionPrefix + sessionCalls*(sessionAdds+sessionOutput), s.N
	default:
		return s.N + 1, stallNeighbors + 1
	}
}
