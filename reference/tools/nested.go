package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Nested makes calls within a call: those of code that a tool runs. Each sees
// the state as the ones before it have left it, and counts against its own
// tool's quota. What they write and send becomes durable with the outer call's
// end, or not at all if that fails; the use of quotas does in any case.
type Nested struct {
	registry *Registry
	outer    *Call
	chain    []string // the tools whose calls are under way
	stateful bool     // the outer tool may see and write the state
	serial   sync.Mutex

	mu    sync.Mutex
	over  bool
	calls int
	state *Overlay
	sends []Send
}

func newNested(r *Registry, c *Call, e *entry, s *state) *Nested {
	n := &Nested{registry: r, outer: c, stateful: e.tool.Stateful, state: NewOverlay(s)}
	if c.nested != nil {
		n.chain = c.nested.chain
	}
	n.chain = append(slices.Clone(n.chain), e.tool.Name)
	return n
}

// Within is for calls from within c, which must be a call that a registry has
// handed to a tool. It may be used until that tool's Run returns.
func Within(c *Call) *Nested { return c.nested }

// Call makes one nested call. The tool must be one that the session may call,
// and one that asks for no approval and has no price, since both come before the
// outer call. Calls run one at a time.
func (n *Nested) Call(ctx context.Context, name string, arguments json.RawMessage) (Result, error) {
	if err := n.check(name); err != nil {
		return ended(err)
	}
	n.serial.Lock()
	defer n.serial.Unlock()
	c := *n.outer
	c.Arguments, c.State, c.nested = arguments, n.state, n
	n.mu.Lock()
	late := n.over
	c.Key = n.key(name, arguments)
	n.calls++
	n.mu.Unlock()
	if late {
		return ended(tooLate(name))
	}
	result, err := n.registry.Call(ctx, name, &c)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return ended(tooLate(name))
	}
	n.state.Apply(result.Writes)
	n.sends = append(n.sends, result.Sends...)
	return result, err
}

func tooLate(name string) *Error {
	return &Error{Kind: Cancelled, Tool: name, Err: errors.New("the call that made this one has ended")}
}

// key is the idempotency key of the next call: the outer one's, its number, and
// what it calls with which arguments. A program that takes another path when it
// is run again must not have its call taken for the old one.
func (n *Nested) key(name string, arguments []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\x00"), arguments...))
	return n.outer.Key + "/" + strconv.Itoa(n.calls) + "-" + hex.EncodeToString(sum[:8])
}

func (n *Nested) check(name string) *Error {
	refused := func(kind Kind, format string, args ...any) *Error {
		return &Error{Kind: kind, Tool: clip(name, maxFound), Err: fmt.Errorf(format, args...)}
	}
	e, err := n.registry.find(name)
	switch {
	case err != nil:
		return refused(UnknownTool, "%w", err)
	case !slices.Contains(n.outer.Tools, name):
		return refused(Refused, "the session may not call it")
	case slices.Contains(n.chain, name):
		return refused(Refused, "it may not call itself")
	case e.tool.Serial() && !n.stateful:
		return refused(Refused, "it needs the session's state, which the calling tool does not have")
	case e.tool.Approval:
		return refused(Refused, "it asks a person before each call, and code cannot wait for that: call it directly")
	case e.tool.USD > 0:
		return refused(Refused, "it has a price, which is reserved before a call: call it directly")
	}
	return nil
}

// end closes the door to calls that come late.
func (n *Nested) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
}

// writes are what the calls wrote, uses what they used of their quotas.
func (n *Nested) writes() []Write { return n.kept(false) }
func (n *Nested) uses() []Write   { return n.kept(true) }

func (n *Nested) kept(uses bool) []Write {
	return slices.DeleteFunc(n.state.Writes(), func(w Write) bool {
		return w.Key == sizeKey || strings.HasPrefix(w.Key, toolPrefix) != uses
	})
}

func (n *Nested) sent() []Send {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sends)
}
