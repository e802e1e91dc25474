package session

import (
	"encoding/json"
	"time"

	"tierlab/reference/hub"
	"tierlab/workloads"
)

// Spec is what a session begins with; it is its journal's first record.
type Spec struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant,omitempty"`
	Origin string `json:"origin,omitempty"` // the topology's name; "": the first
	// System and Task are the first messages of an open session, whose steps
	// follow from what its model answers.
	System string `json:"system,omitempty"`
	Task   string `json:"task,omitempty"`
	// Tools are the names of the tools that it may call.
	Tools     []string             `json:"tools,omitempty"`
	MaxTokens int                  `json:"max_tokens,omitempty"` // of an answer
	Seed      uint64               `json:"seed"`
	Budget    *workloads.Budget    `json:"budget,omitempty"`
	Data      *workloads.DataRules `json:"data,omitempty"`
	Labels    map[string]string    `json:"labels,omitempty"`
	// Recorded is a session to replay: its steps are known, and answers are
	// forced. Prefixes are the named ones that its contexts refer to.
	Recorded *Recorded `json:"recorded,omitempty"`
	// Branch says which session this one was branched from.
	Branch *Origin `json:"branch,omitempty"`
}

// Recorded is a workload's session.
type Recorded struct {
	Session  workloads.Session  `json:"session"`
	Steps    []workloads.Step   `json:"steps"`
	Prefixes []workloads.Prefix `json:"prefixes,omitempty"`
}

// Origin is where a branch left.
type Origin struct {
	Session string `json:"session"`
	Step    int    `json:"step"` // the first step that is the branch's own, from 1
	Record  uint64 `json:"record"`
}

// Consistency says how fresh a read must be.
type Consistency struct {
	Level Level
	// Staleness bounds the age of what Bounded returns.
	Staleness time.Duration
}

// Level is a kind of consistency.
type Level uint8

// The levels. Strong reads what the owner has made durable, through its mailbox.
// Bounded reads a replica's copy unless it is older than the bound. Eventual
// reads whatever copy is at hand.
const (
	Strong Level = iota
	Bounded
	Eventual
)

// View is a session as its journal has it up to a record.
type View struct {
	Spec     Spec
	Record   uint64           // the last record that it includes
	Status   workloads.Status // how it ended; "": it has not
	Waiting  string           // for what, in words, while it has not ended
	Owner    string
	Epoch    uint64
	Begun    time.Time
	Messages []hub.Message // the conversation of an open session
	Steps    []StepView
	// State are the keys and values that tools have written, as of Record.
	State   map[string][]byte
	Pending []Approval
	USD     float64
	Tokens  int
	Digest  uint64 // of the machine's state
	Answer  string // the final one
}

// StepView is one step of a view.
type StepView struct {
	Number  int // from 1
	ID      string
	Outcome workloads.Outcome
	// Answer is the accepted one; nil: there is none yet, or it was recorded.
	Answer *hub.Message
	// Errors says of each attempt what went wrong; "" where nothing did.
	Errors []string
	// Nowhere is the rule or reason for which no site could be chosen for the
	// latest attempt; "" where one was.
	Nowhere string `json:",omitempty"`
	Tools   []ToolView
}

// ToolView is one tool call of a step.
type ToolView struct {
	Name      string
	Arguments json.RawMessage
	Result    json.RawMessage
	Status    workloads.Status
	Error     string
	Took      time.Duration
	USD       float64
	Key       string
	Writes    []string // the keys of the state that it changed
	Verdict   *Verdict // a person's; nil: nobody was asked, or has answered
}

// Verdict is what a person said of a tool call.
type Verdict struct {
	OK      bool
	By, Why string
}

// Approval is a tool call that waits for a person.
type Approval struct {
	Step, Tool int // from 1
	Name       string
	Arguments  json.RawMessage
	Asked      time.Time
}

// Notice is what a watcher is told, after the records that it follows from have
// become durable.
type Notice struct {
	Kind    NoticeKind
	Session string
	At      time.Duration // since the session's start
	Step    int           // from 1
	Attempt *workloads.Attempt
	Answer  *hub.Message
	Tool    *ToolView
	Ask     *Approval
	Outcome *workloads.Outcome // of StepEnded and Ended
	Text    string             // of Said; of Called, what went wrong; of StepEnded, StepView.Nowhere
}

// NoticeKind says what happened.
type NoticeKind uint8

// The notices.
const (
	Called    NoticeKind = 1 + iota // an attempt ended: Attempt, and Answer if it was accepted
	ToolRan                         // Tool
	Asked                           // an approval is wanted: Ask
	Said                            // a message came from another session or a person: Text
	StepEnded                       // Outcome
	Ended                           // Outcome of the session
)
