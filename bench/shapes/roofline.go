package shapes

import "time"

// Ceilings are what a machine's memory and arithmetic give at most, measured on
// it: on a processor reading with all threads and multiplying in registers, on a
// GPU a large copy on the device (bytes read and bytes written both count) and a
// large matrix product of random numbers.
//
// # Roofline
//
// A load's floor follows from its Work: bytes / GBPerS is the time that memory
// needs for it, FLOP / GFLOPPerS the time of arithmetic.
//
//	roofline     the larger of the two: memory and arithmetic overlap perfectly
//	no overlap   their sum: each waits for the other
//
// A decode step reads the weights of its products once, whatever the batch, and
// the keys and values of every sequence:
//
//	bytes = E (body + head) + 2 E Layers KVHeads HeadDim (context 1 + ... + context B)
//
// with E bytes a weight; the embedding, of which a row is read, and the norms do
// not count. Llama 3.1 8B in bf16 has body + head = 7,504,658,432 weights and 131,072
// bytes of keys and values a token. At 4.3 TB/s, B = 1, 32 and 256 sequences at
// a context of 1,024 tokens take at least 3.522, 4.489 and 11.481 ms, which is 284,
// 7,128 and 22,297 tokens/s, by memory alone: at 790 TFLOP/s arithmetic would
// need 4.95 ms for the last of them.
//
// Of a measured rate the share is the other way around: a line's GBPerS and
// GFLOPPerS are its work over its time, so their shares of the ceilings are
// floor over time for memory and for arithmetic, and Share takes their larger
// or their sum.
type Ceilings struct {
	GBPerS    float64 `json:"read_gb_per_s"`
	GFLOPPerS float64 `json:"gflop_per_s"`
}

// Floor is the least time for some work, with perfect overlap of memory and
// arithmetic and without any.
func (c Ceilings) Floor(w Work) (roofline, noOverlap time.Duration) {
	memory := time.Duration(w.Bytes / c.GBPerS) // bytes over 1e9 bytes a second: nanoseconds
	compute := time.Duration(w.FLOP / c.GFLOPPerS)
	return max(memory, compute), memory + compute
}

// Share is how much of the floor's speed a line reaches; 0 where the line has no
// work or the ceilings are not known.
func (c Ceilings) Share(l *Line) (roofline, noOverlap float64) {
	if !(c.GBPerS > 0) || !(c.GFLOPPerS > 0) {
		return 0, 0
	}
	memory, compute := l.GBPerS/c.GBPerS, l.GFLOPPerS/c.GFLOPPerS
	return max(memory, compute), memory + compute
}

// Put is work over time, as rates.
func (l *Line) Put(w Work, took time.Duration) {
	if took > 0 {
		l.GBPerS, l.GFLOPPerS = w.Bytes/float64(took), w.FLOP/float64(took)
	}
}
