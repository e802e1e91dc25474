package workloads

// Status says how an attempt, a step or a session ended.
type Status string

// The ways to end.
const (
	StatusOK        Status = "ok"
	StatusInvalid   Status = "invalid"   // the validator refused the answer
	StatusRejected  Status = "rejected"  // the site's queue was full (HTTP 429)
	StatusError     Status = "error"     // the site or a link failed
	StatusTimeout   Status = "timeout"   // the attempt's own limit passed
	StatusCancelled Status = "cancelled" // the other side of a hedge won, or the session was stopped
	StatusLost      Status = "lost"      // an attempt whose answer was lost with the process that waited for it
	StatusBudget    Status = "budget"    // the session's budget was spent
	StatusKilled    Status = "killed"    // the kill switch
	StatusNoSite    Status = "no_site"   // no site may or can serve the step
	StatusPartial   Status = "partial"   // the run was stopped
)

// Outcome is what happened to a step (Step is set) or to a whole session.
// Times are since the start of the run.
type Outcome struct {
	Session string `json:"session"`
	// Template is the workload's session that a replay's session repeats.
	Template string `json:"template,omitempty"`
	Step     string `json:"step,omitempty"`
	Status   Status `json:"status"`
	// Start is a session's arrival, or a step's moment of being due; End is
	// when the session is over, or the step's last tool done.
	Start Millis `json:"start_ms"`
	End   Millis `json:"end_ms"`
	// LLMDone is when a step's answer was accepted.
	LLMDone  Millis    `json:"llm_done_ms,omitempty"`
	Attempts []Attempt `json:"attempts,omitempty"`
	// Measured says of a step what Result.Measured says of its session, so
	// that a report can count steps as they come, before the session's end.
	Measured bool `json:"measured,omitempty"`
	// Result is present on a session's outcome.
	Result *Result `json:"result,omitempty"`
}

// Attempt is one try at a step's model call.
type Attempt struct {
	Site   string `json:"site"`
	Tier   string `json:"tier"`
	Model  string `json:"model"`
	Reason string `json:"reason,omitempty"` // the policy's
	Status Status `json:"status"`
	Hedge  bool   `json:"hedge,omitempty"`
	// Due: the step was ready for this attempt. Sent: the request left the
	// home. First: the first token reached the home. Done: the last one did.
	Due   Millis `json:"due_ms"`
	Sent  Millis `json:"sent_ms"`
	First Millis `json:"first_ms,omitempty"`
	Done  Millis `json:"done_ms"`
	// Queue, Prefill, Decode and Network sum to Done - Sent.
	Queue   Millis `json:"queue_ms"`
	Prefill Millis `json:"prefill_ms"`
	Decode  Millis `json:"decode_ms"`
	Network Millis `json:"network_ms"`
	// Cached of the Input tokens were found in the site's KV cache.
	Input  int     `json:"input_tokens"`
	Cached int     `json:"cached_tokens"`
	Output int     `json:"output_tokens"`
	USD    float64 `json:"usd"`
	Egress float64 `json:"egress_usd,omitempty"`
	Joules float64 `json:"joules,omitempty"`
	// Estimate is the latency that the policy expected, where it said so.
	Estimate Millis `json:"estimate_ms,omitempty"`
	// Correct is the quality model's verdict, an estimate; nil where the
	// attempt gave no answer.
	Correct *bool `json:"correct,omitempty"`
}

// Result sums up a session.
type Result struct {
	Origin string `json:"origin"`
	Home   string `json:"home"`
	Tenant string `json:"tenant,omitempty"`
	// Makespan is End - Start; Active leaves out human think time on the
	// critical path.
	Makespan Millis `json:"makespan_ms"`
	Active   Millis `json:"active_ms"`
	Split    Split  `json:"split"`
	Steps    int    `json:"steps"`
	Tools    int    `json:"tools"`
	USD      Cost   `json:"usd"`
	// Resolved says whether the task succeeded. Estimated: the quality model
	// says so, not a check.
	Resolved  bool `json:"resolved"`
	Estimated bool `json:"estimated"`
	// Measured: the session arrived inside the measured window.
	Measured bool `json:"measured"`
}

// Split is the makespan along the session's critical path. The parts sum to
// the makespan exactly.
type Split struct {
	Queue   Millis `json:"queue_ms"`
	Network Millis `json:"network_ms"`
	Prefill Millis `json:"prefill_ms"`
	Decode  Millis `json:"decode_ms"`
	Tool    Millis `json:"tool_ms"`
	State   Millis `json:"state_ms"`
	Backoff Millis `json:"backoff_ms"`
	Think   Millis `json:"think_ms"`
}

// Total is the sum of the parts.
func (s Split) Total() Millis {
	return s.Queue + s.Network + s.Prefill + s.Decode + s.Tool + s.State + s.Backoff + s.Think
}

// Active is the sum of the parts but Think.
func (s Split) Active() Millis { return s.Total() - s.Think }

// Cost is what a session cost, in US dollars, by what was bought.
type Cost struct {
	Tokens        float64 `json:"tokens"`
	Egress        float64 `json:"egress"`
	State         float64 `json:"state"`
	Orchestration float64 `json:"orchestration"`
	Sandbox       float64 `json:"sandbox"`
	Validation    float64 `json:"validation"`
}

// Total is the sum of the parts.
func (c Cost) Total() float64 {
	return c.Tokens + c.Egress + c.State + c.Orchestration + c.Sandbox + c.Validation
}

// Sink takes a run's outcomes as they happen: a session's steps in the order
// in which they ended, then the session. The values belong to the caller and
// are reused after the call returns.
type Sink interface {
	Step(o *Outcome) error
	Session(o *Outcome) error
}
