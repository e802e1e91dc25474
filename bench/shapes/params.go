package shapes

import (
	"fmt"
	"strconv"
	"strings"
)

// long are the shapes whose numbers follow a colon, with the numbers of the bare
// name; "" where it has to have some.
var long = []struct {
	kind, bare string
	parse      func(string) (Shape, error)
}{
	{"decode", "", parseDecode},
	{"prefill", "", parsePrefill},
	{"stall", "", parseStall},
	{"sharegpt", "4000x200", parseShareGPT},
	{"load", "", parseLoad},
	{"agentic", "20x5x10", parseAgentic},
	{"startup", "warm", parseStartup},
}

// number is one of a shape's numbers and its bounds.
type number struct {
	of          string
	to          *int
	least, most int
}

// numbers reads "32x1024"; the numbers from the count required on may be left
// out, and are then as they were.
func numbers(text string, required int, want ...number) error {
	parts := strings.Split(text, "x")
	if len(parts) < required || len(parts) > len(want) {
		return fmt.Errorf("%q: want %s", text, names(want))
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if w := want[i]; err != nil || n < w.least || n > w.most {
			return fmt.Errorf("%s is %q: it is from %d to %d (want %s)", w.of, part, w.least, w.most, names(want))
		}
		*want[i].to = n
	}
	return nil
}

func names(of []number) string {
	all := make([]string, len(of))
	for i, n := range of {
		all[i] = strings.ToUpper(n.of)
	}
	return strings.Join(all, "x")
}

func parseDecode(text string) (s Shape, err error) {
	return s, numbers(text, 2, number{"batch", &s.N, 1, 4096}, number{"context", &s.Context, 1, 1 << 20})
}

func parsePrefill(text string) (s Shape, err error) {
	return s, numbers(text, 1, number{"tokens", &s.N, 1, 1 << 20})
}

func parseStall(text string) (s Shape, err error) {
	s.Beside, s.Context = stallNeighbors, 1
	return s, numbers(text, 1, number{"tokens", &s.N, 256, 1 << 20}, number{"beside", &s.Beside, 1, 4096})
}

func parseShareGPT(text string) (s Shape, err error) {
	s.Beside = 200
	if text, s.Scale, err = cutScale(text); err != nil {
		return s, err
	}
	return s, numbers(text, 1, number{"requests", &s.N, 1, MostRequests}, number{"atonce", &s.Beside, 1, 4096})
}

func parseLoad(text string) (s Shape, err error) {
	s.N = 400
	if text, s.Scale, err = cutScale(text); err != nil {
		return s, err
	}
	rate, rest, more := strings.Cut(text, "x")
	if s.Rate, err = strconv.ParseFloat(rate, 64); err != nil || !(s.Rate > 0) || s.Rate > 1e6 {
		return s, fmt.Errorf("the rate is %q: it is a number of requests per second above 0", rate)
	}
	if !more {
		return s, nil
	}
	return s, numbers(rest, 1, number{"requests", &s.N, 1, MostRequests})
}

func parseAgentic(text string) (s Shape, err error) {
	s.Turns, s.Beside = 5, 10
	if text, s.Scale, err = cutScale(text); err != nil {
		return s, err
	}
	return s, numbers(text, 1, number{"sessions", &s.N, 1, 4096}, number{"turns", &s.Turns, 1, 1000}, number{"atonce", &s.Beside, 1, 4096})
}

func parseStartup(text string) (s Shape, err error) {
	switch text {
	case "cold", "warm":
		return Shape{Cold: text == "cold"}, nil
	}
	return s, fmt.Errorf("%q is neither cold nor warm", text)
}

// MostRequests bounds the requests of a load: the committed lengths are as many.
const MostRequests = 4000

// cutScale takes the factor behind an @ off; it is 1 where there is none.
func cutScale(text string) (rest string, scale float64, err error) {
	rest, factor, given := strings.Cut(text, "@")
	if !given {
		return rest, 1, nil
	}
	if scale, err = strconv.ParseFloat(factor, 64); err != nil || !(scale > 0) || scale > 16 {
		return "", 0, fmt.Errorf("the scale is %q: it is above 0 and at most 16", factor)
	}
	return rest, scale, nil
}
