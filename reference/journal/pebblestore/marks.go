package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// A log that ends in what cannot be read was either cut short by a crash, which
// lost nothing that was acknowledged, or damaged, which did. Pebble tells them
// apart by offsets that it knew to be synced, in later blocks; it keeps none for
// the last block, and they fall behind where many sessions commit at once. So
// each batch carries a mark in the log beside what it writes: how far this log
// was known to be durable when the batch was made. A log that cannot be read up
// to its furthest mark is damaged.

// markKey begins every mark in a folder's logs. It is drawn for each folder, so
// that nothing a session stores can pass for a mark.
type markKey [8]byte

// markSize is that of a mark: its key, u64 the log's number, u64 an offset, and
// u32 CRC-32C of all of that.
const markSize = 8 + 8 + 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendMark(b []byte, key markKey, log, synced uint64) []byte {
	start := len(b)
	b = append(b, key[:]...)
	b = binary.LittleEndian.AppendUint64(b, log)
	b = binary.LittleEndian.AppendUint64(b, synced)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// furthestMark is the largest offset that a log's marks vouch for. A mark that
// lies across two of the log's blocks is not found; there are others.
func furthestMark(b []byte, key markKey, log uint64) (synced int) {
	size := uint64(len(b))
	for {
		at := bytes.Index(b, key[:])
		if at < 0 || len(b)-at < markSize {
			return synced
		}
		m := b[at : at+markSize]
		n := binary.LittleEndian.Uint64(m[16:])
		if binary.LittleEndian.Uint64(m[8:]) == log && n <= size && crc32.Checksum(m[:24], castagnoli) == binary.LittleEndian.Uint32(m[24:]) {
			synced = max(synced, int(n))
		}
		b = b[at+1:]
	}
}

// The layout of Pebble's logs: blocks of chunks, each with u32 its checksum, u16
// its length, u8 its type and u32 its log's number in front. Chunks of types 9
// to 12 have 8 bytes more.
const (
	logBlock    = 32 << 10
	shortHeader = 11
	longHeader  = 19
)

// readable is up to where a log's chunks follow each other without a fault, and
// whether the log was closed there.
func readable(b []byte, log uint32) (at int, closed bool) {
	for {
		if left := logBlock - at%logBlock; left < shortHeader || left < longHeader && len(bytes.Trim(b[at:min(at+left, len(b))], "\x00")) == 0 {
			at += left
		}
		if at+shortHeader > len(b) {
			return min(at, len(b)), false
		}
		c := b[at:min(len(b), at-at%logBlock+logBlock)]
		header := shortHeader
		switch kind := c[6]; {
		case kind >= 9 && kind <= 12:
			header = longHeader
		case kind < 5 || kind > 12:
			return at, false
		}
		n := header + int(binary.LittleEndian.Uint16(c[4:]))
		if n > len(c) || logChecksum(c[6:n]) != binary.LittleEndian.Uint32(c) {
			return at, false
		}
		if number := binary.LittleEndian.Uint32(c[7:]); number != log {
			return at, number == log+1 // the mark of an orderly end
		}
		at += n
	}
}

// logChecksum is LevelDB's: CRC-32C, turned and offset.
func logChecksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// checkLog looks at the last log of a folder. Pebble itself insists that the
// ones before it are whole.
func checkLog(base vfs.FS, dir, data string, key markKey) error {
	names, err := base.List(data)
	if err != nil {
		return fmt.Errorf("journal: folder %s cannot be read: %w", data, err)
	}
	last, name := uint64(0), ""
	for _, n := range names {
		if path.Ext(n) != ".log" {
			continue
		}
		number, err := strconv.ParseUint(strings.TrimSuffix(n, ".log"), 10, 64)
		if err == nil && number >= last {
			last, name = number, base.PathJoin(data, n)
		}
	}
	if name == "" {
		return nil
	}
	f, err := base.Open(name)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	b, err := io.ReadAll(f)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("journal: %s: %w", name, err)
	}
	at, closed := readable(b, uint32(last))
	if synced := furthestMark(b, key, last); !closed && at < synced {
		return &journal.CorruptError{Problem: fmt.Sprintf("%s is damaged: its log %s cannot be read at byte %d, and was durable up to byte %d: acknowledged records would be lost by going on without it",
			dir, base.PathBase(name), at, synced)}
	}
	return nil
}
