package jetstream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tierlab/reference/journal"
)

func entry(i int) journal.Entry {
	return journal.Entry{At: time.Unix(int64(i), 5), Kind: "k", Body: fmt.Appendf(nil, "body %d", i)}
}

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	s := serve(t, t.TempDir())
	h, err := s.Own(ctx, "a", "me", true)
	if err != nil || h.Epoch != 1 {
		t.Fatal(h, err)
	}
	for i := range 100 {
		h, err = s.Append(ctx, &journal.Batch{Session: "a", Epoch: 1, After: uint64(i), Records: []journal.Entry{entry(i)}})
		if err != nil {
			t.Fatal(i, err)
		}
	}
	got, err := s.Head(ctx, "a")
	if err != nil || got.Hash != h.Hash || got.Seq != 100 {
		t.Fatal(got, h, err)
	}
	n := 0
	if err := s.Read(ctx, "a", 37, func(r journal.Record) error { n++; return nil }); err != nil || n != 63 {
		t.Fatal(n, err)
	}
	if _, err := s.Own(ctx, "a", "other", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(ctx, &journal.Batch{Session: "a", Epoch: 1, After: 100, Records: []journal.Entry{entry(1)}}); !errors.Is(err, journal.ErrFenced) {
		t.Fatal(err)
	}
	if _, err := s.Own(ctx, "b", "other", false); !errors.Is(err, journal.ErrUnknown) {
		t.Fatal(err)
	}
}

func BenchmarkAppend(b *testing.B) {
	ctx := context.Background()
	s := serve(b, b.TempDir())
	if _, err := s.Own(ctx, "a", "me", true); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.Append(ctx, &journal.Batch{Session: "a", Epoch: 1, After: uint64(i), Records: []journal.Entry{entry(i)}}); err != nil {
			b.Fatal(err)
		}
	}
}
