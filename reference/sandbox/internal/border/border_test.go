package border

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// message is any of the messages.
type message interface{ Append([]byte) []byte }

func parse(k Kind, b []byte) (message, error) {
	switch k {
	case KindSetup:
		return ParseSetup(b)
	case KindStart:
		return ParseStart(b)
	case KindAnswer:
		return ParseAnswer(b)
	case KindReady:
		return ParseReady(b)
	case KindCall:
		return ParseCall(b)
	}
	return ParseDone(b)
}

func draw(t *rapid.T) message {
	text := rapid.StringN(0, 20, -1)
	data := rapid.SliceOfN(rapid.Byte(), 0, 100)
	n, limit := rapid.Int64(), rapid.Int64Min(0)
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return &Setup{Language: text.Draw(t, "language"), Cache: text.Draw(t, "cache"), Memory: n.Draw(t, "memory"), Confine: data.Draw(t, "confine")}
	case 1:
		return &Program{
			Source: data.Draw(t, "source"), Input: data.Draw(t, "input"), Hosts: rapid.SliceOfN(text, 0, 5).Draw(t, "hosts"),
			Clock: n.Draw(t, "clock"), Seed: rapid.Uint64().Draw(t, "seed"), Memory: limit.Draw(t, "memory"), Stack: limit.Draw(t, "stack"),
			Output: limit.Draw(t, "output"), HostCalls: limit.Draw(t, "calls"), HostBytes: limit.Draw(t, "bytes"), Fuel: rapid.Uint64().Draw(t, "fuel"),
		}
	case 2:
		return &Answer{Value: data.Draw(t, "value"), Error: text.Draw(t, "error"), Over: rapid.Bool().Draw(t, "over")}
	case 3:
		return &Ready{Resident: n.Draw(t, "resident"), CPU: n.Draw(t, "cpu"), Confined: data.Draw(t, "confined")}
	case 4:
		return &Call{Name: text.Draw(t, "name"), Args: data.Draw(t, "args")}
	}
	return &Done{Value: data.Draw(t, "value"), Fault: text.Draw(t, "fault"), Message: text.Draw(t, "message"),
		CPU: n.Draw(t, "cpu"), Memory: n.Draw(t, "memory"), Fuel: rapid.Uint64().Draw(t, "fuel")}
}

func any64(Kind) int { return 1 << 20 }

// TestRoundTrip sends messages and gets the same; each cut short is an error.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		frame := m.Append(nil)
		r := NewReader(bytes.NewReader(append(bytes.Clone(frame), frame...)))
		for range 2 {
			k, b, err := r.Next(any64)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parse(k, b)
			if err != nil {
				t.Fatal(err)
			}
			if again := got.Append(nil); !bytes.Equal(again, frame) || reflect.TypeOf(got) != reflect.TypeOf(m) {
				t.Fatalf("%#v became %#v", m, got)
			}
			var bad *FrameError
			if _, err := parse(k, b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]); !errors.As(err, &bad) {
				t.Fatalf("a message that is cut off: %v", err)
			}
			if _, err := parse(k, append(bytes.Clone(b), 0)); !errors.As(err, &bad) {
				t.Fatalf("a message with a byte too many: %v", err)
			}
		}
		if _, _, err := r.Next(any64); err != io.EOF {
			t.Fatalf("at the end: %v", err)
		}
		if _, _, err := NewReader(bytes.NewReader(frame[:len(frame)-1])).Next(any64); err != io.ErrUnexpectedEOF {
			t.Fatalf("a frame that is cut off: %v", err)
		}
	})
}

// TestLimits refuses frames before it reads them.
func TestLimits(t *testing.T) {
	frame := (&Call{Name: "f", Args: []byte("[1,2,3]")}).Append(nil)
	for _, c := range []struct {
		name  string
		frame []byte
		limit int
		want  string
	}{
		{"fits", frame, len(frame) - headerSize, ""},
		{"too long", frame, len(frame) - headerSize - 1, "broken protocol: a frame of kind 'C' with 10 bytes; at most 9 are left to it"},
		{"out of turn", frame, -1, "broken protocol: a frame of kind 'C', out of turn"},
		{"no kind", []byte{0, 0, 0, 0, 'C'}, 100, "broken protocol: a frame without a kind"},
		{"4 GiB", []byte{0xff, 0xff, 0xff, 0xff, 'C'}, 100, "broken protocol: a frame of kind 'C' with 4294967294 bytes; at most 100 are left to it"},
	} {
		_, _, err := NewReader(bytes.NewReader(c.frame)).Next(func(Kind) int { return c.limit })
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzMessages parses anything as anything: what is accepted says the same when
// it is written and read again, and the memory taken is bounded by its length.
func FuzzMessages(f *testing.F) {
	for _, m := range []message{&Setup{Cache: "c"}, &Program{Hosts: []string{"a", "b"}}, &Answer{Error: "e"}, &Ready{}, &Call{Name: "n"}, &Done{Fault: "wall"}} {
		frame := m.Append(nil)
		f.Add(frame[4], frame[headerSize:])
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		m, err := parse(Kind(kind), b)
		if err != nil {
			return
		}
		frame := m.Append(nil)
		again, err := parse(Kind(frame[4]), frame[headerSize:])
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%#v became %#v, %v", m, again, err)
		}
	})
}
