package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// LoopLimits say how often a cycle of calls may come again. A cycle is 1 to Period
// calls; one time is a call, or each call of the cycle, with the same arguments
// and the same result while the session's progress stayed the same.
type LoopLimits struct {
	Warn, Stop int // at this many times; Stop 0: never
	Period     int // the longest cycle; at most longestPeriod
}

// DefaultLoopLimits warn at the third time and stop at the fifth. The same call a
// second time is common and harmless: a model checks its own work, or retries what
// failed. A third that gave the same for the same brought nothing that the second
// had not, and each one costs a model call over the whole context, so the model is
// told; then it has two more to turn, one for the call it may have under way. The
// cycle is up to four calls: search-open-search-open and edit-test-edit-test are
// how agents are stuck in practice, and a longer cycle is left to the budget.
func DefaultLoopLimits() LoopLimits { return LoopLimits{Warn: 3, Stop: 5, Period: 4} }

const longestPeriod = 8

// Call is a tool call that has ended, as the detector sees it. Progress is whatever
// changes when the session's state does (a version, a digest): a call that wrote
// something is not the same as one that did not.
type Call struct {
	Tool              string
	Arguments, Result []byte // JSON, or anything at all
	Progress          string
}

// Action is what a Verdict asks for.
type Action uint8

// The actions. Warn tells the model; Stop ends the session.
const (
	Go Action = iota
	Warn
	Stop
)

// Verdict is what the detector says after a call.
type Verdict struct {
	Action Action
	Period int // calls in the cycle
	Times  int // that it came in a row
}

// String is the verdict as the model and the audit trail read it.
func (v Verdict) String() string {
	what := "the same tool call"
	if v.Period > 1 {
		what = fmt.Sprintf("the same cycle of %d tool calls", v.Period)
	}
	switch v.Action {
	case Warn:
		return fmt.Sprintf("%s gave the same result %d times in a row: do something else, or answer with what is known", what, v.Times)
	case Stop:
		return fmt.Sprintf("stopped: %s gave the same result %d times in a row", what, v.Times)
	}
	return "no loop"
}

// Loops watches one session. It is a plain value: shown the same calls, it is the
// same and says the same, and its JSON is all of it. The zero Loops has seen
// nothing.
type Loops struct {
	// Seen are the latest calls, the n-th at n modulo longestPeriod.
	Seen  [longestPeriod]CallHash `json:"seen"`
	Count uint64                  `json:"count"`
	// Run[p-1] counts how many calls in a row were the same as that p before them.
	Run [longestPeriod]uint64 `json:"run"`
}

// CallHash stands for a call, its result and the progress at it.
type CallHash [16]byte

// Next takes the next call in, and says whether the session goes in circles. Of
// cycles that came equally often it reports the shortest. A cycle is reported when
// it is complete, not in its middle.
func (l *Loops) Next(limits LoopLimits, c Call) Verdict {
	h := c.hash()
	best := Verdict{}
	for p := uint64(1); p <= longestPeriod; p++ {
		if l.Count < p || l.Seen[(l.Count-p)%longestPeriod] != h {
			l.Run[p-1] = 0
			continue
		}
		l.Run[p-1]++
		run := l.Run[p-1]
		if times := int(run/p) + 1; run%p == 0 && int(p) <= limits.Period && times > best.Times {
			best.Period, best.Times = int(p), times
		}
	}
	l.Seen[l.Count%longestPeriod] = h
	l.Count++
	switch {
	case limits.Stop > 0 && best.Times >= limits.Stop:
		best.Action = Stop
	case limits.Warn > 0 && best.Times >= limits.Warn:
		best.Action = Warn
	default:
		return Verdict{}
	}
	return best
}

// hash is over the parts, each with its length before it.
func (c *Call) hash() CallHash {
	h := sha256.New()
	for _, part := range [...][]byte{[]byte(c.Tool), canonicalOrRaw(c.Arguments), canonicalOrRaw(c.Result), []byte(c.Progress)} {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return CallHash(h.Sum(nil)[:16])
}

// canonicalOrRaw is a value's canonical form, or, if it is no JSON, its bytes after
// one that no JSON value begins with.
func canonicalOrRaw(value []byte) []byte {
	if canonical, err := Canonical(value); err == nil {
		return canonical
	}
	return append([]byte{0}, value...)
}

// MarshalText writes a hash in hexadecimal digits.
func (h CallHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText has written.
func (h *CallHash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err == nil && len(b) != len(h) {
		err = fmt.Errorf("%d bytes, want %d", len(b), len(h))
	}
	if err != nil {
		return fmt.Errorf("ledger: hash of a call: %w", err)
	}
	copy(h[:], b)
	return nil
}
