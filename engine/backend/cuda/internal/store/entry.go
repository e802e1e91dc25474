package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Key names an entry by what it was made from.
type Key [sha256.Size]byte

func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Sum is the key of parts, each hashed behind its length, so that text moved
// from one part to the next makes another key.
func Sum(parts ...string) Key {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return Key(h.Sum(nil))
}

const (
	magic         = "tlkernel"
	formatVersion = 1
	headerBytes   = 88
	checksumAt    = 56
	maxLogBytes   = 16 << 20
)

func encode(key Key, image []byte, log string) ([]byte, error) {
	if len(log) > maxLogBytes {
		return nil, fmt.Errorf("a log of %d bytes is not kept: at most %d are", len(log), maxLogBytes)
	}
	b := make([]byte, headerBytes, headerBytes+len(log)+len(image))
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(log)))
	binary.LittleEndian.PutUint64(b[16:], uint64(len(image)))
	copy(b[24:], key[:])
	b = append(append(b, log...), image...)
	sum := checksum(b)
	copy(b[checksumAt:], sum[:])
	return b, nil
}

// decode takes an entry apart. The image is part of b.
func decode(key Key, b []byte) (image []byte, log string, err error) {
	if len(b) < headerBytes {
		return nil, "", fmt.Errorf("it is cut off: %d bytes, the header alone has %d", len(b), headerBytes)
	}
	if string(b[:8]) != magic {
		return nil, "", errors.New("it is no kernel of this store")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return nil, "", fmt.Errorf("it has format version %d, this program's is %d", v, formatVersion)
	}
	logBytes, imageBytes := uint64(binary.LittleEndian.Uint32(b[12:])), binary.LittleEndian.Uint64(b[16:])
	body := b[headerBytes:]
	if have := uint64(len(body)); logBytes > have || imageBytes != have-logBytes {
		return nil, "", fmt.Errorf("it has %d bytes behind its header, which asks for %d and %d", have, logBytes, imageBytes)
	}
	if !bytes.Equal(b[24:checksumAt], key[:]) {
		return nil, "", fmt.Errorf("it is of another key: %x", b[24:checksumAt])
	}
	if sum := checksum(b); !bytes.Equal(sum[:], b[checksumAt:headerBytes]) {
		return nil, "", errors.New("its checksum does not match its content")
	}
	return body[logBytes:], string(body[:logBytes]), nil
}

// checksum is of an entry without the checksum's own place.
func checksum(b []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(b[:checksumAt])
	h.Write(b[headerBytes:])
	return [sha256.Size]byte(h.Sum(nil))
}
