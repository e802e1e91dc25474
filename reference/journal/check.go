package journal

import (
	"fmt"
	"math"
	"time"
)

// Limits of one batch, the same for every store. They keep a batch within one
// message of a replicated log and one write of an embedded one.
const (
	MaxName    = 1 << 10  // bytes of a kind, state key, timer's name, account or owner
	MaxSummary = 64 << 10 // bytes of a summary, which every head carries
	MaxValue   = 8 << 20  // bytes of a record's or message's body, a state value or a snapshot
	MaxBatch   = 12 << 20 // bytes of all of a batch's names, bodies and values
)

// The times that a journal can hold: those that int64 nanoseconds since 1970 reach.
var (
	earliest = time.Unix(0, math.MinInt64)
	latest   = time.Unix(0, math.MaxInt64)
)

// Check says what is wrong with a batch whatever the journal holds. Every store
// asks it before it writes anything.
func (b *Batch) Check() error {
	if err := CheckSession(b.Session); err != nil {
		return err
	}
	c := checker{batch: b}
	for i := range b.Records {
		e := &b.Records[i]
		c.name("record", i, "kind", e.Kind)
		c.value("record", i, "body", e.Body)
		c.time("record", i, e.At)
	}
	for i := range b.Puts {
		c.name("put", i, "key", b.Puts[i].Key)
		c.value("put", i, "value", b.Puts[i].Value)
	}
	for i := range b.Timers {
		c.name("timer", i, "name", b.Timers[i].Name)
		c.time("timer", i, b.Timers[i].At)
	}
	for i := range b.Sends {
		c.value("message", i, "body", b.Sends[i].Body)
		if err := CheckSession(b.Sends[i].To); err != nil {
			c.fail("message %d: %w", i+1, err)
		}
	}
	for i := range b.Charges {
		c.name("charge", i, "account", b.Charges[i].Account)
	}
	if c.bytes += len(b.Snapshot); len(b.Snapshot) > MaxValue {
		c.fail("the snapshot has %d bytes, and may have %d", len(b.Snapshot), MaxValue)
	}
	if c.bytes += len(b.Summary); len(b.Summary) > MaxSummary {
		c.fail("the summary has %d bytes, and may have %d", len(b.Summary), MaxSummary)
	}
	if c.err == nil && c.bytes > MaxBatch {
		c.fail("it has %d bytes, and a batch may have %d: write it as several", c.bytes, MaxBatch)
	}
	return c.err
}

// checker adds up a batch's size and keeps the first fault.
type checker struct {
	batch *Batch
	bytes int
	err   error
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("journal: session %q: batch after record %d: %w", c.batch.Session, c.batch.After, fmt.Errorf(format, args...))
	}
}

func (c *checker) name(what string, i int, part, s string) {
	c.bytes += len(s)
	if s == "" {
		c.fail("%s %d: its %s is empty", what, i+1, part)
	} else if len(s) > MaxName {
		c.fail("%s %d: its %s has %d bytes, and may have %d", what, i+1, part, len(s), MaxName)
	}
}

func (c *checker) value(what string, i int, part string, v []byte) {
	c.bytes += len(v)
	if len(v) > MaxValue {
		c.fail("%s %d: its %s has %d bytes, and may have %d", what, i+1, part, len(v), MaxValue)
	}
}

// time refuses what has no nanosecond count. A timer's zero time means that it
// is cleared; a record has to have happened.
func (c *checker) time(what string, i int, at time.Time) {
	if at.IsZero() && what == "timer" {
		return
	}
	if at.Before(earliest) || at.After(latest) {
		c.fail("%s %d: its time %v is not within the years 1678 to 2262", what, i+1, at)
	}
}
