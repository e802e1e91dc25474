package model

import "io"

// Kind names a tensor's role.
type Kind uint8

// The tensors of a model, with their shapes as rows x columns. A matrix maps
// its columns to its rows: y[r] = sum over c of W[r][c] x[c]. The numbers are
// part of the seeded weights: add at the end, never renumber.
const (
	Embed     Kind = iota // Vocab x Hidden
	AttnNorm              // 1 x Hidden, per layer
	Q                     // Heads*HeadDim x Hidden
	K                     // KVHeads*HeadDim x Hidden
	V                     // KVHeads*HeadDim x Hidden
	QBias                 // 1 x Heads*HeadDim; with QKVBias
	KBias                 // 1 x KVHeads*HeadDim; with QKVBias
	VBias                 // 1 x KVHeads*HeadDim; with QKVBias
	QNorm                 // 1 x HeadDim; with QKNorm
	KNorm                 // 1 x HeadDim; with QKNorm
	O                     // Hidden x Heads*HeadDim
	MLPNorm               // 1 x Hidden
	Gate                  // FFN x Hidden
	Up                    // FFN x Hidden
	Down                  // Hidden x FFN
	FinalNorm             // 1 x Hidden; no layer
	Head                  // Vocab x Hidden; no layer; with TiedHead it is Embed
)

// Ref names one tensor.
type Ref struct {
	Kind  Kind
	Layer int // 0 for Embed, FinalNorm and Head
}

// Source gives a model's tensors row by row, so that a backend converts and
// packs them without a second copy of the model in memory. It may be read by
// several goroutines.
type Source interface {
	Config() Config
	// Rows writes rows row, row+1, ... of a tensor into dst as f32, whose length
	// is a multiple of the tensor's columns. What the source stores in bf16 or
	// f16 is exact in f32.
	Rows(t Ref, row int, dst []float32) error
	// Bytes is the size of the tensors as stored.
	Bytes() int64
	Close() error
}

// Stored is implemented by a Source whose tensors lie in files, so that a device
// takes them in as they are.
type Stored interface {
	// Stored says where a tensor lies; false: nowhere as a whole. The file is
	// read by any number of goroutines until the source is closed.
	Stored(Ref) (Extent, bool)
}

// Extent is a tensor in a file: its numbers one after another, little-endian,
// rows first.
type Extent struct {
	File       io.ReaderAt
	Path       string // of the file, for messages
	Off, Bytes int64
	DType      DType
}
