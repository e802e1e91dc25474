package kernels

import (
	"fmt"
	"time"
	"unsafe"
)

// Ceiling measures what bounds the loops on this machine as it is now: the
// bandwidth at which all workers read memory, and the rate at which they
// multiply numbers in registers.
type Ceiling struct {
	k    *Kernels
	pool *Pool
	mem  slab
	buf  []byte
	read func(worker, task int)
	peak func(worker, task int)
}

const (
	readChunk  = 256 << 10 // bytes of one task
	peakRounds = 500       // of one task, some 10 us
	peakTasks  = 64        // for each worker
)

// NewCeiling allocates the bytes that are read: as many as the weights that the
// bandwidth is compared with, since a large third cache may hold a part.
func (k *Kernels) NewCeiling(p *Pool, bytes int64) (*Ceiling, error) {
	if bytes < readChunk {
		return nil, fmt.Errorf("read %d bytes for a bandwidth: want at least %d", bytes, readChunk)
	}
	mem, err := newSlab(F32, int(bytes/readChunk*readChunk/4))
	if err != nil {
		return nil, err
	}
	c := &Ceiling{k: k, pool: p, mem: mem}
	c.buf = unsafe.Slice((*byte)(unsafe.Pointer(&mem.f32[0])), len(mem.f32)*4)
	c.read = func(_, task int) { k.ops.read(c.buf[task*readChunk:][:readChunk]) }
	c.peak = func(int, int) { k.ops.peak(peakRounds) }
	// Pages that were never written are all one page of zeros.
	p.Run(len(c.buf)/readChunk, func(_, task int) {
		for i := task * readChunk; i < (task+1)*readChunk; i += 4096 {
			c.buf[i] = 1
		}
	})
	return c, nil
}

// ReadGBs reads all bytes once and returns the rate in 1e9 bytes a second.
func (c *Ceiling) ReadGBs() float64 {
	start := time.Now()
	c.pool.Run(len(c.buf)/readChunk, c.read)
	return float64(len(c.buf)) / time.Since(start).Seconds() / 1e9
}

// GFLOPs multiplies numbers in registers for some milliseconds and returns the
// rate in 1e9 operations a second, where a product and its sum are two. The
// numbers are zero, which some chips compute at a higher clock than others.
func (c *Ceiling) GFLOPs() float64 {
	tasks := peakTasks * c.pool.Workers()
	start := time.Now()
	c.pool.Run(tasks, c.peak)
	return float64(tasks) * peakRounds * c.k.ops.peakRound / time.Since(start).Seconds() / 1e9
}

// Close frees the memory.
func (c *Ceiling) Close() error { return c.mem.free() }

// readBytes is the portable loop that only reads.
func readBytes(b []byte) {
	words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
	var s0, s1, s2, s3 uint64
	for ; len(words) >= 8; words = words[8:] {
		s0 |= words[0] | words[4]
		s1 |= words[1] | words[5]
		s2 |= words[2] | words[6]
		s3 |= words[3] | words[7]
	}
	readResult(s0 | s1 | s2 | s3)
}

// readResult keeps the compiler from dropping what it is made from.
//
//go:noinline
func readResult(uint64) {}

// portablePeakRound is the operations of one round of portablePeak.
const portablePeakRound = 2 * 256

func portablePeak(rounds int) {
	var x [16]float32
	var w [256]float32
	var sum [panelRows]float32
	for range rounds {
		dotF32(&sum, &x, &w)
	}
}
