package jetstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/reference/journal"
)

// drawMessage is any message that a store could write.
func drawMessage(t *rapid.T) *message {
	m := &message{kind: kind(rapid.IntRange(int(ownKind), int(pulseKind)).Draw(t, "kind"))}
	copy(m.id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	m.prev, m.epoch = rapid.Uint64().Draw(t, "prev"), rapid.Uint64().Draw(t, "epoch")
	switch m.kind {
	case ownKind:
		m.owner = rapid.String().Draw(t, "owner")
	case batchKind:
		m.hash = drawHash(t)
		m.batch = drawBatch(t, m.epoch)
		link(m)
	case baseKind:
		m.parts = rapid.SliceOf(rapid.Uint64()).Draw(t, "parts")
		m.body = drawBytes(t)
	case partKind, pulseKind:
		m.body = drawBytes(t)
	}
	return m
}

func drawHash(t *rapid.T) (h journal.Hash) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	return h
}

// drawBytes draws nil as well as empty bytes, which differ.
func drawBytes(t *rapid.T) []byte {
	if rapid.Bool().Draw(t, "nil") {
		return nil
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
}

func drawBatch(t *rapid.T, epoch uint64) *journal.Batch {
	b := &journal.Batch{Epoch: epoch, After: rapid.Uint64().Draw(t, "after"), Snapshot: drawBytes(t), Summary: drawBytes(t)}
	few := func(one func()) {
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			one()
		}
	}
	at := func() time.Time { return time.Unix(0, rapid.Int64().Draw(t, "at")).UTC() }
	amount := func() journal.Amount {
		return journal.Amount{PicoUSD: rapid.Int64().Draw(t, "usd"), Steps: rapid.Int64().Draw(t, "steps"), Tokens: -1, Units: 7}
	}
	text := rapid.String()
	few(func() {
		b.Records = append(b.Records, journal.Entry{At: at(), Kind: text.Draw(t, "kind"), Body: drawBytes(t)})
	})
	few(func() { b.Puts = append(b.Puts, journal.Put{Key: text.Draw(t, "key"), Value: drawBytes(t)}) })
	few(func() { b.Timers = append(b.Timers, journal.Timer{Name: text.Draw(t, "timer"), At: at()}) })
	few(func() { b.Timers = append(b.Timers, journal.Timer{Name: text.Draw(t, "cleared")}) })
	few(func() {
		b.Sends = append(b.Sends, journal.Message{ID: rapid.Uint64().Draw(t, "send"), To: text.Draw(t, "to"), Body: drawBytes(t)})
	})
	few(func() { b.Sent = append(b.Sent, rapid.Uint64().Draw(t, "sent")) })
	few(func() {
		b.Charges = append(b.Charges, journal.Charge{Account: text.Draw(t, "account"), Spent: amount(), Reserved: amount()})
	})
	return b
}

func TestCodecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		got, err := decode(m.encode())
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		if m.kind == baseKind && len(m.parts) == 0 {
			m.parts, got.parts = nil, nil
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("wrote %+v\nread  %+v", m, got)
		}
	})
}

// TestCodecDamage flips every bit of a message: none may be taken for whole.
func TestCodecDamage(t *testing.T) {
	m := &message{kind: batchKind, prev: 3, epoch: 2, batch: &journal.Batch{After: 1, Records: []journal.Entry{entry(1), entry(2)}}}
	link(m)
	data := m.encode()
	for i := range data {
		for bit := range 8 {
			hurt := bytes.Clone(data)
			hurt[i] ^= 1 << bit
			_, err := decode(hurt)
			var newer *journal.VersionError
			if !errors.Is(err, errBroken) && !(i == 0 && errors.As(err, &newer)) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := decode(data[:i]); !errors.Is(err, errBroken) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	m := &message{kind: batchKind, prev: 3, epoch: 2, batch: &journal.Batch{After: 1, Records: []journal.Entry{entry(1)},
		Puts: []journal.Put{{Key: "a", Value: []byte("b")}, {Key: "gone"}}, Timers: []journal.Timer{{Name: "t", At: time.Unix(1, 0)}}}}
	link(m)
	f.Add(m.encode())
	f.Add((&message{kind: ownKind, epoch: 1, owner: "me"}).encode())
	f.Add((&message{kind: baseKind, parts: []uint64{1, 2}, body: encodeBase(newSessionView("s"))}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		// The checksum would keep the fuzzer out: it is put right.
		if len(data) > 4 {
			data = resum(data)
		}
		m, err := decode(data)
		if err != nil {
			return
		}
		again, err := decode(m.encode())
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("read %+v, wrote and read %+v: %v", m, again, err)
		}
		decodeBase(m.body)
	})
}

// resum replaces a message's checksum by the right one.
func resum(data []byte) []byte {
	body := bytes.Clone(data[:len(data)-4])
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}
