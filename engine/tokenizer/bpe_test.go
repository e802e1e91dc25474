package tokenizer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// naive merges as the definition says, in quadratic time: the pair of the
// smallest rank, the leftmost of its places, until there is none.
func naive(b *BPE, word string) []int32 {
	var ids []int32
	for i := range len(word) {
		ids = append(ids, b.bytes[word[i]])
	}
	for {
		best, at := mergeSlot{left: -1}, 0
		for i := range len(ids) - 1 {
			if s := b.merges.slot(ids[i], ids[i+1]); s.left >= 0 && (best.left < 0 || s.rank < best.rank) {
				best, at = *s, i
			}
		}
		if best.left < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, best.id)
	}
}

// TestMergesAgainstDefinition merges random words of the vocabularies' own
// pieces.
func TestMergesAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, b := range openAll(t) {
		for range 2000 {
			var word []byte
			for range 1 + r.IntN(12) {
				piece := b.Bytes(nil, int32(r.IntN(b.Vocab())))
				word = append(word, piece[:1+r.IntN(len(piece))]...)
			}
			got, want := b.merges.encode([]int32{-7}, string(word), &b.bytes), naive(b, string(word))
			if !slices.Equal(got[1:], want) || got[0] != -7 {
				t.Fatalf("%s, %q: %v, not %v", name, word, got, want)
			}
		}
	}
}

// TestLongWords would run for hours with a quadratic merge.
func TestLongWords(t *testing.T) {
	b := open(t, "llama3")
	for _, unit := range []string{"a", "the", "=", "é", "ab'"} {
		text := strings.Repeat(unit, 1<<20/len(unit))
		if got := spell(b, b.Encode(nil, text, true)); got != text {
			t.Errorf("%q repeated does not come back", unit)
		}
	}
}

// TestNormalForm compares with norm where both do the same: on what Unicode 9
// has, without long runs of marks.
func TestNormalForm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	pools := [][2]rune{{0x20, 0x7f}, {0xa0, 0x250}, {0x300, 0x34f}, {0x370, 0x530}, {0x590, 0x5d0}, {0x900, 0xe00}, {0xf40, 0xfb0}, {0x1100, 0x1200}, {0x1e00, 0x2000}, {0xac00, 0xd7a4}, {0xf900, 0xfb50}, {0x1d15e, 0x1d1c0}}
	for range 20000 {
		var text []rune
		for range r.IntN(10) {
			p := pools[r.IntN(len(pools))]
			if c := p[0] + r.Int32N(p[1]-p[0]); !unicode.Is(marks10, c) {
				text = append(text, c)
			}
		}
		s := string(text)
		if got, want := normalize(s), norm.NFC.String(s); got != want {
			t.Fatalf("%+q: %+q, not %+q", s, got, want)
		}
	}
	if got, want := normalize("a\xcc\u0301\xff e\u0301"), "a\xcc\u0301\xff \u00e9"; got != want {
		t.Errorf("with invalid bytes: %+q, not %+q", got, want)
	}
}

func TestAddedTokens(t *testing.T) {
	b := open(t, "qwen2")
	for spelling, special := range map[string]bool{"<|im_start|>": true, "<|endoftext|>": true, "<tool_call>": false, "</think>": false} {
		id, ok := b.ID(spelling)
		if !ok || b.Special(id) != special || string(b.Bytes(nil, id)) != spelling {
			t.Errorf("%s: id %d (%v), special %v, %q", spelling, id, ok, b.Special(id), b.Bytes(nil, id))
		}
		if got := b.Encode(nil, spelling, true); !slices.Equal(got, []int32{id}) {
			t.Errorf("%s encodes to %v", spelling, got)
		}
		if got := b.Encode(nil, spelling, false); slices.Contains(got, id) {
			t.Errorf("%s as text encodes to %v", spelling, got)
		}
	}
	if _, ok := b.ID("the"); ok {
		t.Error("a word has an id as an added token")
	}
	if b.Special(-1) || b.Special(1<<30) || len(b.Bytes(nil, -1)) > 0 || len(b.Bytes(nil, int32(b.Vocab()))) > 0 {
		t.Error("ids outside the vocabulary are special or stand for something")
	}
}

func TestPrefix(t *testing.T) {
	llama := open(t, "llama3")
	begin, _ := llama.ID("<|begin_of_text|>")
	if got := llama.Prefix(); !slices.Equal(got, []int32{begin}) {
		t.Errorf("llama3: %v", got)
	}
	if got := open(t, "qwen2").Prefix(); len(got) != 0 {
		t.Errorf("qwen2: %v", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := open(t, "gpt2")
	text := strings.Repeat("the server answers 12 requests, doesn't it? ", 20)
	want := b.Encode(nil, text, true)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if got := b.Encode(nil, text, true); !slices.Equal(got, want) {
					t.Error("another result beside other calls")
				}
			}
		})
	}
	group.Wait()
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	b := open(t, "qwen2")
	text := "The quick engine answers 9 requests before the kettle boils, doesn't it? Größe<|im_end|>\n"
	dst := b.Encode(nil, text+text, true) // a word is kept when it comes again
	var out []byte
	if n := testing.AllocsPerRun(100, func() {
		dst = b.Encode(dst[:0], text, true)
		out = out[:0]
		for _, id := range dst {
			out = b.Bytes(out, id)
		}
	}); n > 0 {
		t.Errorf("%g allocations for a text seen before", n)
	}
}

// FuzzRoundTrip holds that tokens spell the text, in normal form C where the
// vocabulary has it, whatever its bytes.
func FuzzRoundTrip(f *testing.F) {
	all := openAll(f)
	eachLine(f, "testdata/encodings.jsonl", func(e encoding) { f.Add(e.Text) })
	f.Add("\xff\xfe a\xcc\x81\x80")
	f.Fuzz(func(t *testing.T, text string) {
		for name, b := range all {
			for _, special := range []bool{false, true} {
				ids := b.Encode(nil, text, special)
				got, want := spell(b, ids), text
				if b.nfc && !special {
					want = normalize(text)
				}
				if b.nfc && special { // what is beside an added token is normalized alone
					got, want = normalize(got), normalize(text)
				}
				if got != want {
					t.Fatalf("%s: %q became %q", name, text, got)
				}
			}
		}
	})
}

// FuzzParse holds that a file is read or refused.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "smollm2", fileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b",["a","b"]]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parse(data)
		if err != nil {
			return
		}
		if got := spell(b, b.Encode(nil, "a é 12", false)); got != "a é 12" {
			t.Errorf("%q", got)
		}
	})
}
