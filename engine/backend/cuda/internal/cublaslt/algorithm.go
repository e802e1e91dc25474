package cublaslt

import (
	"errors"
	"fmt"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// algorithm is cublasLtMatmulAlgo_t.
type algorithm [8]uint64

// heuristicResult is cublasLtMatmulHeuristicResult_t.
type heuristicResult struct {
	algorithm      algorithm
	workspaceBytes uint64
	state          int32
	waves          float32
	_              [4]int32
}

// Algorithm is a way to compute a Product, good for that product only.
type Algorithm struct {
	opaque         algorithm
	WorkspaceBytes int64
	// Waves is how often the blocks fill the device: 1 is once.
	Waves float32
	// The library's names for what it does: which kernels, the tile of a block,
	// the stages of its copies, and into how many parts K is split. -1 is what it
	// does not tell of this one.
	ID, Tile, Stages, SplitK int
}

// The attributes of an algorithm, CUBLASLT_ALGO_CONFIG_*, each 4 bytes.
const (
	configID     = 0
	configTile   = 1
	configSplitK = 2
	configStages = 6
)

func (a Algorithm) String() string {
	return fmt.Sprintf("cublasLt algorithm %d tile %d stages %d split-K %d", a.ID, a.Tile, a.Stages, a.SplitK)
}

// Algorithms asks the library's heuristic for at most that many algorithms that
// need at most workspace bytes, the one that it takes for the quickest first.
// There is none where the library does not support the shape.
func (p *Product) Algorithms(most int, workspace int64) (found []Algorithm, err error) {
	l := p.handle.library
	if most < 1 || workspace < 0 {
		return nil, fmt.Errorf("%d algorithms with %d bytes of workspace are asked for", most, workspace)
	}
	preference, err := l.preference(workspace)
	defer func() {
		if preference != 0 {
			err = errors.Join(err, l.check("cublasLtMatmulPreferenceDestroy", l.fn.preferenceDestroy(preference)))
		}
	}()
	if err != nil {
		return nil, err
	}
	results, count := make([]heuristicResult, most), int32(0)
	// C has y's layout: with beta 0 it is not read.
	status := l.fn.heuristic(p.handle.handle, p.desc, p.w, p.x, p.y, p.y, preference, int32(most), &results[0], &count)
	const notSupported = 15 // CUBLAS_STATUS_NOT_SUPPORTED
	if status == notSupported {
		return nil, nil
	}
	if err := l.check("cublasLtMatmulAlgoGetHeuristic", status); err != nil {
		return nil, err
	}
	for _, r := range results[:min(int(count), most)] {
		if r.state != 0 {
			continue
		}
		a := Algorithm{opaque: r.algorithm, WorkspaceBytes: int64(r.workspaceBytes), Waves: r.waves}
		l.describe(&a)
		found = append(found, a)
	}
	return found, nil
}

// alignment is that of matrices in bytes. The heuristic takes them to be aligned
// to 256 unless it is told.
const alignment = 16

// preference is what the heuristic is told beside the shapes. It is destroyed by
// the caller, also with an error.
func (l *Library) preference(workspace int64) (preference uintptr, err error) {
	if err := l.check("cublasLtMatmulPreferenceCreate", l.fn.preferenceCreate(&preference)); err != nil {
		return 0, err
	}
	set := func(attribute int32, value unsafe.Pointer, size uintptr) error {
		return l.check("cublasLtMatmulPreferenceSetAttribute", l.fn.preferenceSet(preference, attribute, value, size))
	}
	bytes, aligned := uint64(workspace), uint32(alignment)
	err = set(preferenceMaxBytes, unsafe.Pointer(&bytes), unsafe.Sizeof(bytes))
	for a := int32(preferenceAlignA); a <= preferenceAlignD && err == nil; a++ {
		err = set(a, unsafe.Pointer(&aligned), unsafe.Sizeof(aligned))
	}
	return preference, err
}

// describe asks the library what an algorithm does. Not all have all attributes,
// and an algorithm computes as well without a name.
func (l *Library) describe(a *Algorithm) {
	for _, c := range []struct {
		attribute int32
		to        *int
	}{{configID, &a.ID}, {configTile, &a.Tile}, {configSplitK, &a.SplitK}, {configStages, &a.Stages}} {
		value, written := int32(-1), uintptr(0)
		if l.fn.configGet(&a.opaque, c.attribute, unsafe.Pointer(&value), unsafe.Sizeof(value), &written) != 0 {
			value = -1
		}
		*c.to = int(value)
	}
}

// Multiply queues y = x w^T in a stream, for all tokens of the shape. The
// matrices are aligned to 16 bytes, and workspace, which has at least the
// algorithm's, to 256. It may be captured into a graph: nothing is allocated, and
// the factors are read at once.
func (p *Product) Multiply(s driver.Stream, a *Algorithm, w, x, y, workspace driver.Ptr) error {
	l, one, zero := p.handle.library, float32(1), float32(0)
	return l.check("cublasLtMatmul", l.fn.matmul(p.handle.handle, p.desc, &one, uintptr(w), p.w, uintptr(x), p.x, &zero, uintptr(y), p.y, uintptr(y), p.y,
		&a.opaque, uintptr(workspace), uintptr(a.WorkspaceBytes), uintptr(s)))
}
