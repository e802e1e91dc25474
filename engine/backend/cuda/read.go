package cuda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// readers read weights at once, each with a stream and two buffers of its own: a
// single one copies out of the page cache at a fraction of what the bus takes.
const readers = 8

// pieceBytes is the most of a tensor on the device that is read at once.
const pieceBytes = 8 << 20

// piece is some rows of a tensor.
type piece struct {
	place
	row, n int
}

// pieces cuts tensors into what one buffer holds.
func (w *weights) pieces() []piece {
	var list []piece
	for _, p := range w.places {
		per := max(1, pieceBytes/int(int64(p.cols)*p.size()))
		for row := 0; row < p.rows; row += per {
			list = append(list, piece{p, row, min(per, p.rows-row)})
		}
	}
	return list
}

// bytes is what the piece takes on the device.
func (p *piece) bytes() int { return p.n * p.cols * int(p.size()) }

// readWeights reads all tensors of a source onto the device.
func (b *Backend) readWeights(ctx context.Context, src model.Source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list := b.weights.pieces()
	largest := 0
	for i := range list {
		largest = max(largest, list[i].bytes())
	}
	next := make(chan piece)
	var all sync.WaitGroup
	for range min(readers, len(list)) {
		all.Go(func() {
			r := reader{dev: b.dev, src: src}
			if err := r.run(next, largest); err != nil {
				cancel(err)
			}
			for range next { // after a failure the rest is passed over
			}
		})
	}
	for _, p := range list {
		if ctx.Err() != nil {
			break
		}
		next <- p
	}
	close(next)
	all.Wait()
	return context.Cause(ctx)
}

// reader moves pieces from a source to the device.
type reader struct {
	dev  driver.Context
	src  model.Source
	held owned
	wide []float32 // of what is not stored as the device has it
}

// buffer is page-locked memory that the device may still read from.
type buffer struct {
	memory []byte
	free   driver.Event
	used   bool
}

// run reads pieces until there are no more. It holds a thread, to which it binds
// the device.
func (r *reader) run(next <-chan piece, bytes int) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := r.dev.Bind(); err != nil {
		return err
	}
	r.held.dev = r.dev
	defer func() { err = errors.Join(err, r.held.close()) }()
	stream, err := r.held.stream()
	if err != nil {
		return err
	}
	var buffers [2]buffer
	for i := range buffers {
		if buffers[i].memory, err = r.held.host(bytes); err != nil {
			return fmt.Errorf("page-locked memory of %d bytes for weights: %w", bytes, err)
		}
		if buffers[i].free, err = r.held.event(); err != nil {
			return err
		}
	}
	for i := 0; ; i ^= 1 {
		p, ok := <-next
		if !ok {
			return r.dev.Synchronize(stream)
		}
		if err := r.move(&p, &buffers[i], stream); err != nil {
			return errors.Join(fmt.Errorf("%v: %w", p.ref, err), r.dev.Synchronize(stream))
		}
	}
}

// move reads a piece into a buffer, once the device has taken what was there,
// and queues its copy.
func (r *reader) move(p *piece, b *buffer, s driver.Stream) error {
	if b.used {
		if err := r.dev.WaitEvent(b.free); err != nil {
			return err
		}
	}
	b.used = true
	to := b.memory[:p.bytes()]
	if err := r.read(p, to); err != nil {
		return err
	}
	if err := r.dev.CopyIn(p.to+driver.Ptr(int64(p.row)*int64(p.cols)*p.size()), to, s); err != nil {
		return err
	}
	return r.dev.Record(b.free, s)
}

// read reads a piece as the device has it: a matrix in bf16, a vector in f32.
func (r *reader) read(p *piece, to []byte) error {
	if stored, ok := r.src.(model.Stored); ok && p.ref.Kind.Matrix() {
		if e, ok := stored.Stored(p.ref); ok && e.DType == model.BF16 {
			return readStored(e, int64(p.row)*int64(p.cols)*2, to)
		}
	}
	n := p.n * p.cols
	if n > len(r.wide) {
		r.wide = make([]float32, n)
	}
	if err := r.src.Rows(p.ref, p.row, r.wide[:n]); err != nil {
		return err
	}
	if !p.ref.Kind.Matrix() {
		copy(view[float32](to, 0, n), r.wide)
		return nil
	}
	matrix := view[bf16.Number](to, 0, n)
	for i := range matrix {
		matrix[i] = bf16.Of(r.wide[i])
	}
	return nil
}

func readStored(e model.Extent, at int64, to []byte) error {
	n, err := e.File.ReadAt(to, e.Off+at)
	if n == len(to) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s was cut off at byte %d since it was opened", e.Path, e.Off+at+int64(n))
	}
	return fmt.Errorf("%s: %w", e.Path, err)
}
