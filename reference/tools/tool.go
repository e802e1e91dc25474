package tools

import (
	"context"
	"encoding/json"
	"time"
)

// Tool is something an agent can call.
type Tool struct {
	Name        string // letters, digits, _ and -: what the OpenAI API takes
	Description string
	// Input is the JSON Schema of the arguments, an object; Output that of the
	// result, or nil: any JSON.
	Input, Output json.RawMessage
	Repeat        Repeat
	// Timeout ends a call; 0 is the registry's default.
	Timeout time.Duration
	// Approval asks a person before each call.
	Approval bool
	// Outward says that a call carries what it is given to where the session's
	// data rules do not reach: another machine, or a program that is not ours. A
	// session with such rules may not call it.
	Outward bool
	// USD is the most that a call costs; it is reserved before.
	USD float64
	// Quota bounds a session's use; zero fields do not.
	Quota Quota
	// Stateful says that the tool reads or writes Call.State. A tool with a Quota
	// is stateful too, since its use is counted there: Tool.Serial.
	Stateful bool
	Run      func(ctx context.Context, c *Call) (Result, error)
}

// Serial says that calls of the tool in one session have to run one after the
// other, each on the state that the one before has left. Others may overlap.
func (t *Tool) Serial() bool { return t.Stateful || t.Quota != Quota{} }

// Definition tells a model of a tool.
type Definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"` // JSON Schema of an object
}

// Repeat says what may be done with a call whose outcome is not known, because
// it timed out or its session's process ended.
type Repeat uint8

// The classes of repetition.
const (
	// Once: it is never made again; the outcome is reported as unknown.
	Once Repeat = iota
	// Keyed: it may be made again with the same idempotency key, which the far
	// side honours.
	Keyed
	// Pure: it has no effect beyond its Result and may be made again freely.
	Pure
)

// Quota bounds a session's use of a tool.
type Quota struct {
	Calls int
	Bytes int64 // of arguments and results together
}

// Call is one call of a tool. Arguments are as the model wrote them and may be
// no JSON at all; none stands for {}.
type Call struct {
	Session, Tenant string
	Step, Index     int
	Key             string // the idempotency key, see Key: the same when the call is made again
	Arguments       json.RawMessage
	State           State
	// Tools are the names that the session may call: code that a call runs may
	// call no others.
	Tools []string
	// Bound says that rules hold for where the session's data may go: no call goes
	// to an Outward tool then, one that code makes included.
	Bound bool
	// Again says that this call may have been made before.
	Again bool
	// nested are the calls that this one has made through Registry.Within.
	nested *Nested
}

// State is the calling session's durable state, as of the call. What a tool
// changes, it returns in Result.Writes: it becomes durable in one write with the
// call's end, so that it happens once or not at all.
type State interface {
	Get(key string) ([]byte, bool)
	// List are the keys that begin with prefix, in order.
	List(prefix string) []string
}

// Result is how a call ended. Content is a JSON value. A failure that the model
// should hear of is content with Failed set; an error returned beside it is one
// that the machine may retry. A call that failed changes nothing: its Writes and
// Sends are dropped, but for the use of its quota.
type Result struct {
	Content json.RawMessage
	Failed  bool
	Writes  []Write
	Sends   []Send
	USD     float64
}

// Write changes one key of the session's state; a nil value deletes it.
type Write struct {
	Key   string
	Value []byte
}

// Send is a message to another session.
type Send struct {
	To   string
	Text string
}
