package cuda

import (
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// shape is what a graph is captured for: the most that a step may have of each.
// 0 of an item leaves its launches out.
type shape struct {
	tokens, samples int
	decode, prefill int // items of attention's work
}

// layout is where a step's arrays lie in its upload, as offsets in bytes. It is
// the same for all steps of a shape, so that a captured graph finds them. The
// updates come last: what is uploaded ends with those that there are.
type layout struct {
	counts   int64 // kernels.Counts
	picks    int64 // [samples] kernels.Choose
	rows     int64 // [rows] kernels.Row
	decode   int64 // [decode] kernels.Item
	prefill  int64 // [prefill] kernels.Item
	ids      int64 // i32 [tokens]; -1: the token chosen last for the row's slot
	tokenRow int64 // i32 [tokens]
	gather   int64 // i32 [samples], the position whose logits are wanted
	updates  int64 // kernels.Update, as many as there are
}

// lay lays out the upload of a shape's steps, which have at most that many rows.
func (s shape) lay(slots int) layout {
	at := int64(0)
	take := func(n int, size uintptr) int64 {
		from := at
		at = (at + int64(n)*int64(size) + 15) &^ 15
		return from
	}
	return layout{
		counts: take(1, unsafe.Sizeof(kernels.Counts{})),
		picks:  take(s.samples, unsafe.Sizeof(kernels.Choose{})),
		rows:   take(min(s.tokens, slots), unsafe.Sizeof(kernels.Row{})),
		decode: take(s.decode, unsafe.Sizeof(kernels.Item{})), prefill: take(s.prefill, unsafe.Sizeof(kernels.Item{})),
		ids: take(s.tokens, 4), tokenRow: take(s.tokens, 4), gather: take(s.samples, 4),
		updates: at,
	}
}

// updateBytes is the size of one update.
const updateBytes = int64(unsafe.Sizeof(kernels.Update{}))

// stepBytes holds the upload of any step.
func (s *sizes) stepBytes() int64 {
	largest := shape{tokens: s.tokens, samples: s.samples, decode: itemBucket(s.decode), prefill: itemBucket(s.prefill)}
	return largest.lay(s.slots).updates + updateBytes*int64(s.slots)*int64(s.maxBlocks)
}

// view is n elements of page-locked memory at an offset.
func view[E any](b []byte, at int64, n int) []E {
	if n == 0 {
		return nil
	}
	var e E
	_ = b[at : at+int64(n)*int64(unsafe.Sizeof(e))]
	return unsafe.Slice((*E)(unsafe.Pointer(&b[at])), n)
}

// arrays are a shape's layout as addresses on the device.
type arrays struct {
	counts, picks, rows, decode, prefill, ids, tokenRow, gather, updates driver.Ptr
}

func (l layout) on(base driver.Ptr) arrays {
	p := func(at int64) driver.Ptr { return base + driver.Ptr(at) }
	return arrays{p(l.counts), p(l.picks), p(l.rows), p(l.decode), p(l.prefill), p(l.ids), p(l.tokenRow), p(l.gather), p(l.updates)}
}
