package border

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Kind says what message a frame holds.
type Kind byte

// The kinds of frames, by who sends them.
const (
	KindSetup  Kind = 'S' // pool
	KindStart  Kind = 'P' // pool
	KindAnswer Kind = 'A' // pool
	KindReady  Kind = 'R' // child
	KindOutput Kind = 'O' // child
	KindCall   Kind = 'C' // child
	KindDone   Kind = 'D' // child
)

func (k Kind) String() string { return fmt.Sprintf("%q", byte(k)) }

const headerSize = 5

// Frame starts a frame in buf's memory; the message is appended to what it
// returns, and Close ends it.
func Frame(buf []byte, k Kind) []byte {
	return append(buf[:0], 0, 0, 0, 0, byte(k))
}

// Close writes a frame's length in front of it.
func Close(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// Reader reads frames. Its memory is used again for the next one.
type Reader struct {
	r      *bufio.Reader
	header [headerSize]byte
	buf    []byte
}

// NewReader reads frames from r. Most frames take one read.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReader(r)} }

// FrameError is a frame that breaks the protocol.
type FrameError struct{ What string }

func (e *FrameError) Error() string { return "broken protocol: " + e.What }

// broken is a FrameError.
func broken(format string, args ...any) error {
	return &FrameError{fmt.Sprintf(format, args...)}
}

// keep is the largest buffer that is kept between frames.
const keep = 1 << 16

// Next reads a frame. limit says how many bytes a message of a kind may have
// now, below zero that the kind is out of turn; it is asked before memory is
// taken. The message is good until the next call. The error is io.EOF where the
// stream ends between frames.
func (r *Reader) Next(limit func(Kind) int) (Kind, []byte, error) {
	if _, err := io.ReadFull(r.r, r.header[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.LittleEndian.Uint32(r.header[:])) - 1
	kind := Kind(r.header[4])
	most := limit(kind)
	switch {
	case size < 0:
		return 0, nil, broken("a frame without a kind")
	case most < 0:
		return 0, nil, broken("a frame of kind %v, out of turn", kind)
	case size > int64(most):
		return 0, nil, broken("a frame of kind %v with %d bytes; at most %d are left to it", kind, size, most)
	}
	if int64(cap(r.buf)) < size || cap(r.buf) > keep && size <= keep {
		r.buf = make([]byte, size)
	}
	message := r.buf[:size]
	if _, err := io.ReadFull(r.r, message); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind, message, nil
}
