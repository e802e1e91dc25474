package faults

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// notice is what a child's watcher was told, as facts that the final journals
// must hold.
type notice struct {
	Session string `json:"session"`
	Fact    string `json:"fact"`
}

// outside is what no kill reaches: the far side of the tools, and who was told
// of what.
type outside struct {
	http.Server
	address string

	mu       sync.Mutex
	deposits map[string]deposit // by idempotency key
	rings    map[string]int     // requests by idempotency key
	facts    map[string]map[string]bool
	notices  int
}

type deposit struct {
	cents, requests int
	// changed says that one key came with two amounts.
	changed bool
}

func newOutside() (*outside, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &outside{address: l.Addr().String(), deposits: map[string]deposit{}, rings: map[string]int{}, facts: map[string]map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /deposit", o.deposit)
	mux.HandleFunc("POST /ring", o.ring)
	mux.HandleFunc("POST /notices", o.noticed)
	o.Handler = mux
	go o.Serve(l)
	return o, nil
}

func (o *outside) deposit(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Cents int `json:"cents"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	o.mu.Lock()
	d := o.deposits[key]
	d.changed = d.changed || d.requests > 0 && d.cents != body.Cents
	d.cents = body.Cents
	d.requests++
	o.deposits[key] = d
	o.mu.Unlock()
	fmt.Fprintf(w, `{"booked":%d}`, body.Cents)
}

func (o *outside) ring(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.rings[r.Header.Get("Idempotency-Key")]++
	o.mu.Unlock()
	fmt.Fprint(w, `{"rung":true}`)
}

func (o *outside) noticed(_ http.ResponseWriter, r *http.Request) {
	d := json.NewDecoder(r.Body)
	for {
		var n notice
		if d.Decode(&n) != nil {
			return // the child was killed, or has said all
		}
		o.mu.Lock()
		if o.facts[n.Session] == nil {
			o.facts[n.Session] = map[string]bool{}
		}
		o.facts[n.Session][n.Fact] = true
		o.notices++
		o.mu.Unlock()
	}
}
