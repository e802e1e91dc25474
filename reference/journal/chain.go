package journal

import (
	"crypto/sha256"
	"encoding/binary"
)

// Root is hash(0) of a session's chain.
func Root(session string) Hash {
	return sha256.Sum256([]byte("tierlab/journal/1" + session))
}

// Next is the hash of a record that follows one with hash h.
func (h Hash) Next(seq, epoch uint64, e *Entry) (next Hash) {
	var array [512]byte // most records fit
	buf := append(array[:0], h[:]...)
	buf = binary.LittleEndian.AppendUint64(buf, seq)
	buf = binary.LittleEndian.AppendUint64(buf, epoch)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(e.At.UnixNano()))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(e.Kind)))
	buf = append(buf, e.Kind...)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(e.Body)))
	if len(buf)+len(e.Body) <= len(array) {
		return sha256.Sum256(append(buf, e.Body...))
	}
	d := sha256.New()
	d.Write(buf)
	d.Write(e.Body)
	d.Sum(next[:0])
	return next
}
