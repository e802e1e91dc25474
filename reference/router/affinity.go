package router

// sessionAffinity keeps a session where its KV cache is: at the replica that
// served it last, or else at the deployment of the pool that wins the rendezvous
// (D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit
// Rates", IEEE/ACM ToN 6(1), 1998):
//
//	argmin over deployments d of hash(session, d)
//
// so that a deployment's failure moves its own sessions only.
type sessionAffinity struct {
	named
	pool
}

func newSessionAffinity(s Spec) Policy { return &sessionAffinity{named{s.String()}, newPool(s)} }

// Route implements Policy.
func (p *sessionAffinity) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	reason := "rendezvous by session"
	for i := range req.History.Warm {
		if h := &req.History.Warm[i]; h.Tokens > 0 {
			if _, rule := s.target(h.Target); rule == "" {
				s.offerReplica(s.hopTo(h.Target), h.Target.Replica, float64(i))
			}
		}
	}
	if s.settled() {
		reason = "where the session is warm"
	}
	s.next()
	list := p.around(s)
	for i := range list {
		m := &list[i]
		if m.replica != m.server.first {
			continue
		}
		if cost := float64(mix(req.Session, uint64(m.replica))); !s.beaten(cost) {
			s.offer(m.hop, cost)
		}
	}
	s.answerOr(d, reason)
}

// mix hashes a session, whose key may be a small number, and a replica: the
// finaliser of SplitMix64.
func mix(session, replica uint64) uint64 {
	z := session + (replica+1)*0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
