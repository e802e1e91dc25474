package shapes

import (
	"fmt"
	"strconv"
	"strings"
)

// Shape is one load; the package comment says what each kind is.
type Shape struct {
	Kind    string
	N       int     // tokens of pp, tg, prefill and stall; sequences of batch, sessions and decode; requests of sharegpt and load; sessions of agentic
	Context int     // of tg and decode: tokens before the first that counts
	Beside  int     // stall: sequences that decode meanwhile; sharegpt: requests at once; agentic: sessions at once
	Turns   int     // of a session of agentic
	Rate    float64 // of load: requests per second
	Scale   float64 // factor of the lengths of sharegpt, load and agentic
	Cold    bool    // startup: with an empty cache of kernels
}

// Served says whether a shape is measured on a server over HTTP (package
// serving) and not on an engine in this process.
func (s Shape) Served() bool {
	switch s.Kind {
	case "sharegpt", "load", "agentic", "startup":
		return true
	}
	return false
}

// short are the shapes named by a word and a number, with its bounds.
var short = []struct {
	name        string
	least, most int
}{
	{"pp", 1, 1 << 20}, {"tg", 1, 1 << 20}, {"batch", 1, 4096}, {"sessions", 1, 4096}, {"stall", 256, 1 << 20},
}

// Default is what is measured when nothing is asked for.
const Default = "pp512,tg128,tg128@4096,batch16,sessions16"

// known is what a shape that is none of them is told.
const known = `pp512, tg128, tg128@4096, batch16, sessions16, stall16384, decode:BATCHxCONTEXT, prefill:TOKENS, stall:TOKENSxBESIDE, ` +
	`sharegpt:REQUESTSxATONCE, load:RATExREQUESTS, agentic:SESSIONSxTURNSxATONCE (these three with @SCALE), startup:cold, startup:warm`

// Parse reads a comma-separated list such as "pp512,tg128@4096,decode:32x1024".
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
	kind, rest, colon := strings.Cut(name, ":")
	for _, l := range long {
		if kind != l.kind || !colon && l.bare == "" {
			continue
		}
		if !colon {
			rest = l.bare
		}
		s, err := l.parse(rest)
		if err != nil {
			return Shape{}, fmt.Errorf("shape %q: %w", name, err)
		}
		s.Kind = kind
		return s, nil
	}
	return parseShort(name)
}

func parseShort(name string) (Shape, error) {
	for _, k := range short {
		rest, ok := strings.CutPrefix(name, k.name)
		if !ok {
			continue
		}
		number, context, at := strings.Cut(rest, "@")
		s := Shape{Kind: k.name, Context: 1}
		if k.name == "stall" {
			s.Beside = stallNeighbors
		}
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
	return Shape{}, fmt.Errorf("shape %q is none of %s", name, known)
}

func (s Shape) String() string {
	switch s.Kind {
	case "decode":
		return fmt.Sprintf("decode:%dx%d", s.N, s.Context)
	case "prefill":
		return fmt.Sprintf("prefill:%d", s.N)
	case "sharegpt":
		return fmt.Sprintf("sharegpt:%dx%d%s", s.N, s.Beside, s.scale())
	case "load":
		return fmt.Sprintf("load:%gx%d%s", s.Rate, s.N, s.scale())
	case "agentic":
		return fmt.Sprintf("agentic:%dx%dx%d%s", s.N, s.Turns, s.Beside, s.scale())
	case "startup":
		if s.Cold {
			return "startup:cold"
		}
		return "startup:warm"
	case "stall":
		if s.Beside != stallNeighbors {
			return fmt.Sprintf("stall:%dx%d", s.N, s.Beside)
		}
	case "tg":
		if s.Context > 1 {
			return fmt.Sprintf("tg%d@%d", s.N, s.Context)
		}
	}
	return s.Kind + strconv.Itoa(s.N)
}

func (s Shape) scale() string {
	if s.Scale == 1 {
		return ""
	}
	return fmt.Sprintf("@%g", s.Scale)
}

// Constants of the shapes with more than one number.
const (
	batchTokens    = 128  // output of each sequence of batch and decode
	batchPrompt    = 16   // prompt of each of batch
	sessionPrefix  = 1024 // tokens that all sessions begin with
	sessionAdds    = 64   // tokens that each call adds
	sessionOutput  = 32
	sessionCalls   = 2
	stallNeighbors = 4 // sequences that decode while the prompt arrives, where none are named
	stallPrompt    = 64
	stallCalm      = 64 // tokens of each of them before the prompt arrives
)

// decodePrompt is the length of the prompts of a decode: the mean context over
// the output is the one asked for, as far as that is possible.
func (s Shape) decodePrompt() int { return max(1, s.Context-batchTokens/2) }

// needs is the longest context, the slots and the tokens of keys and values that
// an engine must have for a shape.
func (s Shape) needs() (context, slots, held int) {
	switch s.Kind {
	case "pp", "prefill":
		return s.N + 1, 1, s.N + 1
	case "tg":
		return s.Context + s.N, 1, s.Context + s.N
	case "batch":
		context = batchPrompt + batchTokens
		return context, s.N, s.N * context
	case "decode":
		context = s.decodePrompt() + batchTokens
		return context, s.N, s.N * context
	case "sessions":
		context = sessionPrefix + sessionCalls*(sessionAdds+sessionOutput)
		return context, s.N, context + (s.N-1)*(context-sessionPrefix)
	default:
		return s.N + 1, s.Beside + 1, s.N + 1 + s.Beside*(stallPrompt+stallCalm)
	}
}
