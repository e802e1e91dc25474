package site

import "time"

// Stats counts what a server did since time zero. At any time
//
//	Arrived = Refused + Rejected + Queued() + InService() + Done + Cancelled + Failed
//
// The integrals over time are exact. Divided by the time that has passed,
// QueueTime is the mean number waiting, PrefillTime + DecodeTime the mean
// number in service, and Busy the share of time in which the server works.
type Stats struct {
	Arrived   uint64
	Refused   uint64 // while down
	Rejected  uint64 // queue full
	Started   uint64
	Done      uint64
	Cancelled uint64
	Failed    uint64
	MaxQueued int

	QueueTime   time.Duration // sum over jobs of time waiting: job-nanoseconds
	PrefillTime time.Duration // sum over jobs of time in prefill
	DecodeTime  time.Duration // sum over jobs of time in decode
	Busy        time.Duration // time with a job in service
	Down        time.Duration // time down

	PrefillWork time.Duration // work delivered, rounded down
	DecodeWork  time.Duration
}

// Stats reports what happened up to the time of the last call.
func (s *Server) Stats() Stats {
	st := s.stats
	st.PrefillWork = s.prefill.done.duration()
	st.DecodeWork = s.decode.done.duration()
	return st
}
