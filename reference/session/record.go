package session

import (
	"encoding/json"
	"errors"
	"fmt"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/workloads"
)

// bodyVersion is the version of record bodies that this program writes, and the
// newest that it reads. A body without a version has 1.
const bodyVersion = 1

// record is what a journal's record says. To apply it is all that it takes to
// follow the session: the actor applies what it writes, and a replay what it
// reads.
type record interface {
	kind() string
	apply(l *life)
}

// versioned is the field that every body may begin with.
type versioned struct {
	V int `json:"v,omitempty"`
}

func (v *versioned) version() int { return v.V }

// created begins a session. What a machine needs to live through the records
// again is in it, so that a journal can be read anywhere: the configuration,
// the key of all draws, and the names that numbers stand for.
type created struct {
	versioned
	Spec   Spec         `json:"spec"`
	Config agent.Config `json:"config"`
	Key    uint64       `json:"key"`
	Origin string       `json:"origin"`
	Home   place        `json:"home"`
	Pinned []kindred    `json:"pinned,omitempty"`
	// Loops say when the session is told that it repeats itself, and stopped.
	Loops ledger.LoopLimits `json:"loops"`
	// Input is the length of an open session's first prompt, Output the most
	// that an answer may have.
	Input  int `json:"in,omitempty"`
	Output int `json:"out,omitempty"`
}

// place is a site, kindred a model, as a session's records name them: each once,
// and by number from then on.
type place struct {
	Name string `json:"n"`
	Tier uint8  `json:"t"`
}

type kindred struct {
	Name     string `json:"n"`
	Frontier bool   `json:"f,omitempty"`
}

// spot is a target by numbers of the session's: site, model, replica.
type spot [3]int32

// routed is a decision of the router's, and what was reserved for it.
type routed struct {
	versioned
	Step     int32        `json:"s"`
	Attempt  int32        `json:"a"`
	Sites    []place      `json:"sites,omitempty"` // that are new to the session
	Models   []kindred    `json:"models,omitempty"`
	To       *spot        `json:"to,omitempty"` // absent: nowhere
	Else     []spot       `json:"else,omitempty"`
	Reason   string       `json:"why,omitempty"`
	Estimate int64        `json:"est,omitempty"` // ns
	Hedge    int64        `json:"hedge,omitempty"`
	Reserve  float64      `json:"usd,omitempty"`
	Hold     *ledger.Hold `json:"hold,omitempty"`
}

// started says that a further attempt at a step is about to be made, or a tool
// call that costs: what was reserved for it.
type started struct {
	versioned
	Step    int32       `json:"s"`
	Attempt int32       `json:"a,omitempty"`
	Tool    *int32      `json:"t,omitempty"`
	Hold    ledger.Hold `json:"hold"`
}

// answered is the end of an attempt. Times are in ns.
type answered struct {
	versioned
	Step    int32            `json:"s"`
	Attempt int32            `json:"a"`
	Status  workloads.Status `json:"st,omitempty"` // ok when empty
	Queue   int64            `json:"q,omitempty"`
	Prefill int64            `json:"p,omitempty"`
	Decode  int64            `json:"d,omitempty"`
	Network int64            `json:"n,omitempty"`
	First   int64            `json:"f,omitempty"` // since the session's start
	Cached  int              `json:"hit,omitempty"`
	Output  int              `json:"out,omitempty"`
	USD     float64          `json:"usd,omitempty"`
	Egress  float64          `json:"eg,omitempty"`
	Joules  float64          `json:"j,omitempty"`
	Units   int64            `json:"u,omitempty"` // compute units, as the ledger counts them
	Message *hub.Message     `json:"msg,omitempty"`
	Error   string           `json:"err,omitempty"`
	// Next is the length of the next step's prompt, where the answer is
	// followed by one without any tool call.
	Next int `json:"next,omitempty"`
}

// ran is the end of a tool call.
type ran struct {
	versioned
	Step   int32            `json:"s"`
	Tool   int32            `json:"t"`
	Status workloads.Status `json:"st,omitempty"`
	Result json.RawMessage  `json:"r,omitempty"`
	Error  string           `json:"err,omitempty"`
	Took   int64            `json:"took,omitempty"`
	USD    float64          `json:"usd,omitempty"`
	Writes []put            `json:"w,omitempty"`
	Sends  []post           `json:"m,omitempty"`
	// Had is the message that the call waited for.
	Had  *had `json:"had,omitempty"`
	Next int  `json:"next,omitempty"`

	circle *circle // found before it was written
}

// circle is what the detector of loops says of a step's tool calls, and what it
// has seen after them.
type circle struct {
	loops   ledger.Loops
	writes  int
	verdict ledger.Verdict
}

// put is a change of the session's state; without a value it deletes.
type put struct {
	Key   string  `json:"k"`
	Value *[]byte `json:"v,omitempty"`
}

// post is a message to another session.
type post struct {
	ID   uint64 `json:"id"`
	To   string `json:"to"`
	Text string `json:"x"`
}

// had names a message of the inbox.
type had struct {
	From string `json:"from"`
	ID   uint64 `json:"id"`
}

type arrived struct{ versioned }

type committed struct {
	versioned
	Step    int32 `json:"s"`
	Attempt int32 `json:"a,omitempty"`
}

type firstToken struct {
	versioned
	Step    int32 `json:"s"`
	Attempt int32 `json:"a"`
}

type validated struct {
	versioned
	Step    int32   `json:"s"`
	Attempt int32   `json:"a"`
	Pass    bool    `json:"ok"`
	Why     string  `json:"why,omitempty"`
	USD     float64 `json:"usd,omitempty"`
}

type timed struct {
	versioned
	Timer   agent.TimerKind `json:"k"`
	Step    int32           `json:"s,omitempty"`
	Attempt int32           `json:"a,omitempty"`
}

// killed ends the session: by a person, a switch, or a loop that was found.
type killed struct {
	versioned
	Why string `json:"why"`
}

// asked is a tool call that waits for a person, approved what that person said.
type asked struct {
	versioned
	Step int32 `json:"s"`
	Tool int32 `json:"t"`
}

type approved struct {
	versioned
	Step int32  `json:"s"`
	Tool int32  `json:"t"`
	OK   bool   `json:"ok"`
	By   string `json:"by"`
	Why  string `json:"why,omitempty"`
	// Epoch is that of an approval given while the session was at work nowhere:
	// the call has not begun where the next epoch's owner finds it.
	Epoch uint64 `json:"epoch,omitempty"`
}

// said is a person's message, received one of another session's.
type said struct {
	versioned
	Text string `json:"x"`
}

type received struct {
	versioned
	From string `json:"from"`
	ID   uint64 `json:"id"`
	Text string `json:"x"`
}

// refused is a message of this session's that its receiver has not taken.
type refused struct {
	versioned
	ID  uint64 `json:"id"`
	To  string `json:"to"`
	Why string `json:"why"`
}

// moved is a quiet point: nothing that the session has asked for is under way.
// It is written when the session leaves its owner, to whom it goes if that is
// known. Whoever owns it under the epoch after this one can be sure of that.
type moved struct {
	versioned
	To    string `json:"to,omitempty"`
	Epoch uint64 `json:"epoch"`
}

// ended is a session's last record.
type ended struct {
	versioned
	Status workloads.Status `json:"st"`
	Digest uint64           `json:"digest"`
	fresh  bool             // it has just been made: the digest needs no check
	Error  string           `json:"err,omitempty"`
}

func (*created) kind() string    { return "created" }
func (*arrived) kind() string    { return "arrived" }
func (*routed) kind() string     { return "routed" }
func (*committed) kind() string  { return "committed" }
func (*started) kind() string    { return "started" }
func (*firstToken) kind() string { return "first_token" }
func (*answered) kind() string   { return "attempt" }
func (*validated) kind() string  { return "validated" }
func (*ran) kind() string        { return "tool" }
func (*timed) kind() string      { return "timer" }
func (*killed) kind() string     { return "killed" }
func (*asked) kind() string      { return "approval_asked" }
func (*approved) kind() string   { return "approval" }
func (*said) kind() string       { return "said" }
func (*received) kind() string   { return "message" }
func (*refused) kind() string    { return "refused" }
func (*moved) kind() string      { return "moved" }
func (*ended) kind() string      { return "ended" }

// blank is an empty record of a kind, nil for one that is not known.
func blank(kind string) record {
	switch kind {
	case "created":
		return new(created)
	case "arrived":
		return new(arrived)
	case "routed":
		return new(routed)
	case "committed":
		return new(committed)
	case "started":
		return new(started)
	case "first_token":
		return new(firstToken)
	case "attempt":
		return new(answered)
	case "validated":
		return new(validated)
	case "tool":
		return new(ran)
	case "timer":
		return new(timed)
	case "killed":
		return new(killed)
	case "approval_asked":
		return new(asked)
	case "approval":
		return new(approved)
	case "said":
		return new(said)
	case "message":
		return new(received)
	case "refused":
		return new(refused)
	case "moved":
		return new(moved)
	case "ended":
		return new(ended)
	}
	return nil
}

// read decodes a journal's record. A kind or a version that this program does
// not know is a *journal.VersionError.
func read(session, kind string, seq uint64, body []byte) (record, error) {
	where := fmt.Sprintf("session %q: record %d (%s)", session, seq, kind)
	r := blank(kind)
	if r == nil {
		return nil, fmt.Errorf("%s: this program knows no such kind: use the program that wrote it, or a newer one", where)
	}
	err := json.Unmarshal(body, r)
	v := r.(interface{ version() int }).version()
	if err != nil {
		var only versioned // a newer body may differ in all else
		if json.Unmarshal(body, &only) == nil {
			v = only.V
		}
	}
	if v > bodyVersion {
		return nil, &journal.VersionError{Where: where, Found: v, Newest: bodyVersion}
	}
	if err != nil {
		return nil, errors.Join(&journal.CorruptError{Session: session, Seq: seq, Problem: "the body of kind " + kind + " cannot be read"}, err)
	}
	return r, nil
}
