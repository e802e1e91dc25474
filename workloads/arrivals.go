package workloads

import (
	"strconv"
	"time"
)

// Arrival is one session of a load: which of a workload's sessions it repeats,
// and when it comes.
type Arrival struct {
	Template int // index in Library.Sessions
	At       time.Duration
}

// WithArrivals is a workload with recorded arrivals: the sessions that the
// arrivals repeat, each named by its template and its number. What a session
// added to a context of its own is its own in each repetition; shared prefixes
// stay shared.
func (l *Library) WithArrivals(arrivals ...Arrival) *Library {
	drawn := &Library{Header: l.Header, Prefixes: l.Prefixes, Digest: l.Digest, Recorded: true}
	for i, a := range arrivals {
		g := *l.Sessions[a.Template]
		g.Session.ID += "~" + strconv.Itoa(i)
		at := Millis(a.At)
		g.Session.Arrival = &at
		drawn.Sessions = append(drawn.Sessions, &g)
	}
	return drawn
}
