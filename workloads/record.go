package workloads

import "encoding/json"

// Schema is the version that a header names.
const Schema = "tierlab/v1"

// Kind is the first field of every line and says which of the record's
// structs the line holds.
type Kind string

// The kinds of line, in the order in which a file may introduce them.
const (
	KindHeader  Kind = "header"
	KindPrefix  Kind = "prefix"
	KindSession Kind = "session"
	KindStep    Kind = "step"
	KindOutcome Kind = "outcome"
)

// Header is the first line of a file.
type Header struct {
	Schema     string     `json:"schema"`
	Name       string     `json:"name"`
	Provenance Provenance `json:"provenance"`
	// Tokenizer is what the token counts refer to ("cl100k", "unknown").
	Tokenizer string `json:"tokenizer,omitempty"`
	// Run is present when the file records a replay.
	Run *Run `json:"run,omitempty"`
}

// Provenance says where a workload comes from and how it was made.
type Provenance struct {
	Source  string `json:"source"`
	License string `json:"license,omitempty"`
	// Method is how the file was made: the importer and its rules, or the
	// generator, its profile and its seed.
	Method string `json:"method,omitempty"`
	// Notes are what the importer had to assume, or dropped.
	Notes []string `json:"notes,omitempty"`
	// Fitted are statistics that the workload was fitted to, by name.
	Fitted map[string]float64 `json:"fitted,omitempty"`
}

// Run describes the replay that a file records. It holds no time of day: the
// same run gives the same bytes.
type Run struct {
	Target         string   `json:"target"`
	Fidelity       string   `json:"fidelity,omitempty"`
	Workload       string   `json:"workload"`
	WorkloadDigest string   `json:"workload_digest"`
	Topology       string   `json:"topology"`
	TopologyDigest string   `json:"topology_digest"`
	Policy         string   `json:"policy"`
	PolicyDigest   string   `json:"policy_digest"`
	Load           string   `json:"load"`
	Seed           uint64   `json:"seed"`
	Replication    int      `json:"replication"`
	Version        string   `json:"version"`
	Machine        string   `json:"machine,omitempty"`
	Partial        bool     `json:"partial,omitempty"`
	Valid          bool     `json:"valid"`
	Invalid        []string `json:"invalid,omitempty"`
}

// Prefix is a named run of tokens that sessions share, such as a system
// prompt with its tools. Prefixes nest: the first Keep tokens of prefix From,
// then Add new ones. A prefix stands in the file before its first use.
type Prefix struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	Keep int    `json:"keep,omitempty"`
	Add  int    `json:"add"`
}

// Session is one agent working on one task.
type Session struct {
	ID string `json:"id"`
	// Arrival is the time since the start of the recording; nil where the
	// source gives none.
	Arrival *Millis `json:"arrival_ms,omitempty"`
	// Origin names where the user is, as the topology names its origins;
	// empty lets the run place the session by the origins' weights.
	Origin string            `json:"origin,omitempty"`
	Tenant string            `json:"tenant,omitempty"`
	Budget *Budget           `json:"budget,omitempty"`
	Data   *DataRules        `json:"data,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Budget limits a session; a zero field is no limit.
type Budget struct {
	USD      float64 `json:"usd,omitempty"`
	Steps    int     `json:"steps,omitempty"`
	Tokens   int     `json:"tokens,omitempty"`
	Deadline Millis  `json:"deadline_ms,omitempty"`
}

// DataRules say where a session's data may go.
type DataRules struct {
	// PII keeps every step of the session on the device.
	PII bool `json:"pii,omitempty"`
	// Residency lists the regions (as sites name theirs) that may see the data.
	Residency []string `json:"residency,omitempty"`
}

// On is the moment of a step that another step waits for.
type On string

// The moments of a step. An empty On reads as OnToolsDone.
const (
	OnStart     On = "start"      // the step is due
	OnLLMDone   On = "llm_done"   // its model's answer is accepted
	OnToolsDone On = "tools_done" // its last tool is done
)

// Cause says what passes during a delay.
type Cause string

// The causes of a delay. CauseNone is machine time that needs no explanation,
// such as a recorded stagger.
const (
	CauseNone    Cause = ""
	CauseTool    Cause = "tool+client" // tool and client time that the source does not separate
	CauseHuman   Cause = "human"       // a person reads, thinks, types
	CauseUnknown Cause = "unknown"
)

// After is one edge of the step graph: the step waits for a moment of another
// one, and then for Delay. A step is due when all its edges are.
type After struct {
	// Step is the id of another step of the session; empty is the session's
	// arrival.
	Step  string `json:"step,omitempty"`
	On    On     `json:"on,omitempty"`
	Delay Millis `json:"delay_ms,omitempty"`
	// Cause is what passes during Delay.
	Cause Cause `json:"cause,omitempty"`
	// Inferred marks a join that an importer concluded rather than read.
	Inferred bool `json:"inferred,omitempty"`
}

// Step is one reasoning step: a model call, then the tool calls it asked for,
// which run in parallel.
type Step struct {
	ID    string  `json:"id"`
	After []After `json:"after,omitempty"`
	LLM   LLM     `json:"llm"`
	Tools []Tool  `json:"tools,omitempty"`
	// PII keeps this one step on the device.
	PII bool `json:"pii,omitempty"`
	// Messages are the recorded chat messages, where the source has them,
	// kept as they were.
	Messages json.RawMessage `json:"messages,omitempty"`
}

// LLM is a step's model call.
type LLM struct {
	// Kind is what the call is for: classify, summarize, extract, route,
	// tool_select, chat, plan, code, reason, compact, ...
	Kind string `json:"kind,omitempty"`
	// Task is the instruction's text, which keyword policies read.
	Task string `json:"task,omitempty"`
	// Model is the model that the recording used.
	Model string `json:"model,omitempty"`
	// Pin names a model that the caller demands.
	Pin string `json:"pin,omitempty"`
	// Modality is text (when empty), vision, audio, embedding or image.
	Modality string `json:"modality,omitempty"`
	// Difficulty is on the models' ability scale (DESIGN section 5); nil
	// where unknown, and then drawn by kind.
	Difficulty    *float64 `json:"difficulty,omitempty"`
	LatencyBudget Millis   `json:"latency_budget_ms,omitempty"`
	OutputTokens  int      `json:"output_tokens"`
	Context       Context  `json:"context"`
	// SolvedBy and FailedBy name models known to succeed or fail at this
	// step; the record overrides the quality model.
	SolvedBy []string `json:"solved_by,omitempty"`
	FailedBy []string `json:"failed_by,omitempty"`
	// Recorded is how long the call took in the recording, RecordedTTFT its
	// time to first token; nil where unknown.
	Recorded     *Millis `json:"recorded_ms,omitempty"`
	RecordedTTFT *Millis `json:"recorded_ttft_ms,omitempty"`
}

// Context is a call's prompt as a delta: the first Keep tokens of the prompt
// and output of From, then Add new ones. From is a step's id, or "@" and a
// prefix's name, or empty (and then Keep is 0).
type Context struct {
	From string `json:"from,omitempty"`
	Keep int    `json:"keep,omitempty"`
	Add  int    `json:"add"`
}

// Tokens is the prompt's length.
func (c Context) Tokens() int { return c.Keep + c.Add }

// Tool is one tool call.
type Tool struct {
	Name     string `json:"name"`
	Duration Millis `json:"duration_ms,omitempty"`
	BytesIn  int64  `json:"bytes_in,omitempty"`
	BytesOut int64  `json:"bytes_out,omitempty"`
	// Data is where the data that the tool reads lives: "home" (when empty),
	// "origin", a tier's name or a site's.
	Data   string `json:"data,omitempty"`
	Status string `json:"status,omitempty"` // ok (when empty), error, timeout
	// Spawn lists every step of a sub-agent that this call starts. The call
	// then has no duration of its own: it is done when all of them are.
	Spawn []string `json:"spawn,omitempty"`
	Code  *Code    `json:"code,omitempty"`
}

// Code is a program for the sandbox.
type Code struct {
	Language string `json:"language"` // javascript, wasm
	Source   string `json:"source"`
}
