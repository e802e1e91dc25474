package kv

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestChain: hashes follow from the tokens alone, not from how they were
// appended, and a chain is not changed by what is appended to a copy.
func TestChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 5).Draw(t, "block")
		tokens := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 30).Draw(t, "tokens")
		cut := rapid.IntRange(0, len(tokens)).Draw(t, "cut")
		whole := NewChain(size, 7).Append(tokens...)
		first := NewChain(size, 7).Append(tokens[:cut]...)
		other := first.Append(99, 98, 97, 96, 95)
		parts := first.Append(tokens[cut:]...)
		if parts.Len() != len(tokens) || parts.State() != whole.State() || !slices.Equal(parts.Hashes(0, nil), whole.Hashes(0, nil)) {
			t.Fatal("the same tokens in two parts have other hashes")
		}
		if cut < len(tokens) && len(other.Hashes(0, nil)) > cut/size && slices.Contains(whole.Hashes(cut/size, nil), other.Hashes(cut/size, nil)[0]) {
			t.Fatal("other tokens have the same hash")
		}
		if got := whole.Hashes(0, nil); len(got) != len(tokens)/size {
			t.Fatalf("%d hashes of %d tokens in blocks of %d", len(got), len(tokens), size)
		}
		from := rapid.IntRange(0, len(tokens)/size+1).Draw(t, "from")
		if got, want := whole.Hashes(from, []Hash{{A: 1}}), whole.Hashes(0, nil); len(got) > 1 && !slices.Equal(got[1:], want[from:]) {
			t.Fatal("hashes from an index are not the tail of all")
		}
		blocks := rapid.IntRange(0, len(tokens)/size).Draw(t, "keep")
		if short, want := whole.CutBlocks(blocks, 7), NewChain(size, 7).Append(tokens[:blocks*size]...); short.State() != want.State() || short.Len() != want.Len() ||
			!slices.Equal(short.Hashes(0, nil), want.Hashes(0, nil)) {
			t.Fatal("a cut chain is not that of its tokens")
		}
		if NewChain(size, 8).Append(tokens...).State() == whole.State() {
			t.Fatal("two salts give one hash")
		}
		if a, b := NewChain(size, 0).AppendMade(5, 0, cut).AppendMade(5, cut, 9), NewChain(size, 0).AppendMade(5, 0, cut+9); a.State() != b.State() {
			t.Fatal("made tokens depend on how they are appended")
		}
	})
}

// TestHashesDiffer looks for collisions among contexts that differ little:
// all of two tokens of a vocabulary in a row of equal ones.
func TestHashesDiffer(t *testing.T) {
	seen := map[Hash]bool{}
	low := map[uint32]int{}
	for a := range uint64(300) {
		for b := range uint64(300) {
			h := Hash{}.Fold(a).Fold(7).Fold(b).Fold(7)
			if seen[h] {
				t.Fatalf("tokens %d and %d give the hash of two others", a, b)
			}
			seen[h] = true
			low[uint32(((h.A^h.B)*golden)>>44)]++
		}
	}
	// 90,000 hashes over 2^20 cells: the fullest of a uniform spread has at
	// most 6 with a chance above 1 - 1e-4 (Poisson, mean 0.086).
	for cell, n := range low {
		if n > 6 {
			t.Errorf("%d hashes begin their probe at cell %d", n, cell)
		}
	}
}

// TestHashGolden pins the function: content names may be recorded.
func TestHashGolden(t *testing.T) {
	if got, want := NewChain(4, 1).Append(1, 2, 3, 4, 5).State(), (Hash{0xf56bdcc80b11eda6, 0xc9043371a6edb4ce}); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
}
