package products

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/bf16"
)

// period is after how many rows x repeats itself in a trial: no tile's size
// divides it, so that a row recurs in all places of tiles.
const period = 7

// trial runs candidates on the operands of one shape after the other.
type trial struct {
	dev      driver.Context
	stream   driver.Stream
	tokens   driver.Ptr // the count
	from, to driver.Event

	operands Operands
	rowBytes int      // of y
	rows     [][]byte // of y, for each row of x's period
}

func (t *trial) open() (err error) {
	if t.tokens, err = t.dev.Alloc(4); err != nil {
		return err
	}
	if t.from, err = t.dev.NewEvent(true); err != nil {
		return err
	}
	t.to, err = t.dev.NewEvent(true)
	return err
}

func (t *trial) close() error {
	var errs []error
	if t.tokens != 0 {
		errs = append(errs, t.dev.Free(t.tokens))
	}
	for _, e := range []driver.Event{t.from, t.to} {
		if e != 0 {
			errs = append(errs, t.dev.DropEvent(e))
		}
	}
	return errors.Join(errs...)
}

// begin fills x for the shape of its largest place with random numbers: a matrix
// unit is quicker on zeros.
func (t *trial) begin(at *place, o Operands) error {
	t.operands, t.rows = o, nil
	t.rowBytes = 2 * at.shape.N
	if at.shape.F32 {
		t.rowBytes *= 2
	}
	random := rand.New(rand.NewPCG(uint64(at.shape.N), uint64(at.shape.K)))
	row := int64(at.shape.K) * 2
	total, filled := row*int64(at.tokens), row*int64(min(period, at.tokens))
	x := make([]byte, 0, filled)
	for range filled / 2 {
		x = binary.NativeEndian.AppendUint16(x, uint16(bf16.Of(random.Float32()*2-1)))
	}
	if err := t.dev.CopyIn(o.X, x, t.stream); err != nil {
		return err
	}
	for filled < total { // what is there, once more behind it: a multiple of the period
		n := min(filled, total-filled)
		if err := t.dev.CopyWithin(o.X+driver.Ptr(filled), o.X, n, t.stream); err != nil {
			return err
		}
		filled += n
	}
	return t.dev.Synchronize(t.stream)
}

// count says how many tokens count.
func (t *trial) count(tokens int) error {
	b := binary.NativeEndian.AppendUint32(nil, uint32(tokens))
	return errors.Join(t.dev.CopyIn(t.tokens, b, t.stream), t.dev.Synchronize(t.stream))
}

func (t *trial) run(c candidate) error {
	return errors.Join(c.multiply(t.stream, t.params(0)), t.dev.Synchronize(t.stream))
}

// note keeps y's rows as the candidate has them.
func (t *trial) note(at *place, c candidate) error {
	if err := errors.Join(t.count(at.tokens), t.run(c)); err != nil {
		return err
	}
	rows, err := t.read(0, min(period, at.tokens))
	for i := 0; i < len(rows); i += t.rowBytes {
		t.rows = append(t.rows, rows[i:i+t.rowBytes])
	}
	return err
}

func (t *trial) read(first, n int) ([]byte, error) {
	b := make([]byte, n*t.rowBytes)
	err := t.dev.CopyOut(b, t.operands.Y+driver.Ptr(first*t.rowBytes), t.stream)
	return b, errors.Join(err, t.dev.Synchronize(t.stream))
}

// differs is the first row of y, of those looked at, that is not as noted; -1 if
// none is. It looks at rows at both ends and in the middle of the bucket.
func (t *trial) differs(at *place, c candidate) (row int, err error) {
	if err := t.dev.Fill(t.operands.Y, 0xff, int64(at.tokens)*int64(t.rowBytes), t.stream); err != nil {
		return 0, err
	}
	if err := t.run(c); err != nil {
		return 0, err
	}
	const most = 8
	for _, first := range []int{0, max(0, at.tokens/2-most/2), max(0, at.tokens-most)} {
		n := min(most, at.tokens-first)
		rows, err := t.read(first, n)
		if err != nil {
			return 0, err
		}
		for i := range n {
			if !bytes.Equal(rows[i*t.rowBytes:][:t.rowBytes], t.rows[(first+i)%period]) {
				return first + i, nil
			}
		}
	}
	return -1, nil
}

// better is by how much a candidate must beat the first to be taken instead:
// more than times scatter.
const better = 0.97

// tune takes the quickest candidate.
func (t *trial) tune(at *place) error {
	if len(at.candidates) == 1 {
		return nil
	}
	first, err := t.time(at, at.candidates[0])
	if err != nil {
		return err
	}
	least := time.Duration(float64(first) * better)
	for _, c := range at.candidates[1:] {
		took, err := t.time(at, c)
		if err != nil {
			return err
		}
		if took < least {
			least, at.chosen = took, c
		}
	}
	return nil
}

// time is the median over rounds of what a run takes on the device. A round is
// several runs, so that the gaps between launches do not count.
func (t *trial) time(at *place, c candidate) (time.Duration, error) {
	const rounds = 3
	runs := 4
	if at.tokens > 1024 {
		runs = 1
	}
	var took [rounds]time.Duration
	for i := range took {
		if err := t.dev.Record(t.from, t.stream); err != nil {
			return 0, err
		}
		for j := range runs {
			if err := c.multiply(t.stream, t.params(i*runs+j)); err != nil {
				return 0, fmt.Errorf("%d tokens by %v: %w", at.tokens, c, err)
			}
		}
		if err := errors.Join(t.dev.Record(t.to, t.stream), t.dev.WaitEvent(t.to)); err != nil {
			return 0, err
		}
		all, err := t.dev.Elapsed(t.from, t.to)
		if err != nil {
			return 0, err
		}
		took[i] = all / time.Duration(runs)
	}
	slices.Sort(took[:])
	return took[rounds/2], nil
}
