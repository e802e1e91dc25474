package trace

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"tierlab/engine/sched"
)

// Flags of a row.
const (
	flagSample = 1 << iota
	flagFromDevice
)

func appendEngine(b []byte, e Engine) []byte {
	text, err := json.Marshal(struct {
		Kind   Kind   `json:"kind"`
		Schema string `json:"schema"`
		Engine
	}{KindEngine, Schema, e})
	if err != nil {
		panic(err) // numbers and strings always can be
	}
	return append(append(b, text...), '\n')
}

func appendKind(b []byte, kind Kind, now time.Duration) []byte {
	b = append(b, `{"kind":"`...)
	b = append(b, kind...)
	b = append(b, `","t":`...)
	return strconv.AppendInt(b, int64(now), 10)
}

// appendNumber appends a field, unless it is 0.
func appendNumber(b []byte, name string, n uint64) []byte {
	if n == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendUint(b, n, 10)
}

func appendTrue(b []byte, name string, set bool) []byte {
	if !set {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	return append(b, `":true`...)
}

// appendList appends numbers between brackets.
func appendList[T int32 | int](b []byte, list ...T) []byte {
	b = append(b, '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

func appendPrompt(b []byte, tenant int, from uint64, keep int, ids []int32) []byte {
	b = appendNumber(b, "tenant", uint64(tenant))
	if keep > 0 {
		b = appendNumber(b, "from", from)
		b = appendNumber(b, "keep", uint64(keep))
	}
	b = append(b, `,"ids":`...)
	return appendList(b, ids...)
}

func appendAdd(b []byte, now time.Duration, r *sched.Request, prompt []byte, refused error) []byte {
	b = appendKind(b, KindAdd, now)
	b = appendNumber(b, "id", r.ID)
	b = appendNumber(b, "session", r.Session)
	b = appendNumber(b, "priority", uint64(r.Priority))
	b = appendNumber(b, "max", uint64(r.MaxTokens))
	b = appendTrue(b, "forced", r.Forced)
	b = appendTrue(b, "host", r.Host)
	b = appendNumber(b, "keep_ns", uint64(r.KeepFor))
	b = appendNumber(b, "keep_priority", uint64(r.KeepPriority))
	b = appendNumber(b, "fork", r.Fork)
	b = append(b, prompt...)
	if refused != nil {
		b = append(b, `,"refused":`...)
		b = append(b, refusal(refused)...)
	}
	return append(b, "}\n"...)
}

// refusal is an error of Add as JSON text.
func refusal(err error) string {
	text, _ := json.Marshal(err.Error())
	return string(text)
}

func appendCancel(b []byte, now time.Duration, id uint64) []byte {
	b = appendNumber(appendKind(b, KindCancel, now), "id", id)
	return append(b, "}\n"...)
}

func appendIdle(b []byte, now time.Duration) []byte {
	return append(appendKind(b, KindIdle, now), "}\n"...)
}

func appendPlan(b []byte, now time.Duration, p *sched.Plan) []byte {
	b = appendNumber(appendKind(b, KindPlan, now), "plan", p.ID)
	b = append(b, `,"rows":[`...)
	for i := range p.Rows {
		r := &p.Rows[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = strconv.AppendUint(b, r.Seq, 10)
		for _, n := range [...]int32{r.Slot, r.Start, r.N, flags(r)} {
			b = append(b, ',')
			b = strconv.AppendInt(b, int64(n), 10)
		}
		b = append(b, ']')
	}
	b = append(b, ']')
	for i, c := range p.Copies {
		if i == 0 {
			b = append(b, `,"copies":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendList(b, int32(c.From), int32(c.To), c.Tokens)
	}
	if len(p.Copies) > 0 {
		b = append(b, ']')
	}
	b = append(b, `,"tables":"`...)
	b = append(b, Tables(p)...)
	return append(b, "\"}\n"...)
}

func flags(r *sched.Row) (f int32) {
	if r.Sample {
		f |= flagSample
	}
	if r.FromDevice {
		f |= flagFromDevice
	}
	return f
}

// Tables is the digest of the blocks that a plan's rows name: FNV-1a of 64 bits
// over FirstBlock, the number of new blocks and the new blocks, each taken as
// one number.
func Tables(p *sched.Plan) string {
	h := uint64(14695981039346656037)
	add := func(n int) { h = (h ^ uint64(n)) * 1099511628211 }
	for i := range p.Rows {
		r := &p.Rows[i]
		add(int(r.FirstBlock))
		add(len(r.NewBlocks))
		for _, b := range r.NewBlocks {
			add(int(b))
		}
	}
	return fmt.Sprintf("%016x", h)
}

func appendCommit(b []byte, now time.Duration, o *sched.Outcome) []byte {
	b = appendNumber(appendKind(b, KindCommit, now), "plan", o.Plan)
	ends := 0
	for i, s := range o.Sampled {
		if i == 0 {
			b = append(b, `,"tokens":[`...)
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(s.Token), 10)
		if s.End {
			ends++
		}
	}
	if len(o.Sampled) > 0 {
		b = append(b, ']')
	}
	if ends > 0 {
		b = append(b, `,"ends":[`...)
		for i, s := range o.Sampled {
			if s.End {
				b = strconv.AppendInt(b, int64(i), 10)
				if ends--; ends > 0 {
					b = append(b, ',')
				}
			}
		}
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}
