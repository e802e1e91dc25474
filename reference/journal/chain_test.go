package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// TestChain compares with the formula of the package comment, written out anew,
// over bodies on both sides of what is hashed in one piece.
func TestChain(t *testing.T) {
	h := Root("s")
	if h != sha256.Sum256([]byte("tierlab/journal/1s")) {
		t.Fatal("hash(0) is not the session's")
	}
	for seq, n := range []int{0, 1, 100, 430, 445, 446, 447, 448, 449, 512, 5000} {
		e := Entry{At: time.Unix(0, int64(-7*n)), Kind: "k", Body: bytes.Repeat([]byte{byte(n)}, n)}
		var b bytes.Buffer
		for _, v := range []any{h, uint64(seq), uint64(9), int64(-7 * n), uint32(1), []byte("k"), uint32(n), e.Body} {
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
		next := h.Next(uint64(seq), 9, &e)
		if next != sha256.Sum256(b.Bytes()) {
			t.Errorf("a body of %d bytes has hash %x, want %x", n, next, sha256.Sum256(b.Bytes()))
		}
		h = next
	}
}
