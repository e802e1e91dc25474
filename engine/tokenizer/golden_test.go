package tokenizer

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// vocabularies are trained by scripts/golden-tokenizer, in the forms of the
// published files of these names.
var vocabularies = []string{"llama3", "qwen2", "gpt2", "smollm2"}

func open(t testing.TB, name string) *BPE {
	t.Helper()
	b, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openAll(t testing.TB) map[string]*BPE {
	t.Helper()
	all := make(map[string]*BPE)
	for _, name := range vocabularies {
		all[name] = open(t, name)
	}
	return all
}

// eachLine decodes the lines of a file into a value of type T.
func eachLine[T any](t testing.TB, path string, f func(T)) (lines int) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := bufio.NewScanner(in)
	s.Buffer(nil, 16<<20)
	for ; s.Scan(); lines++ {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatalf("%s:%d: %v", path, lines+1, err)
		}
		f(v)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// encoding is a text with its ids by vocabulary: with added tokens recognised,
// and without where that differs.
type encoding struct {
	Title, Text string
	IDs, Plain  map[string][]int32
}

func TestGoldenEncodings(t *testing.T) {
	all := openAll(t)
	lines := eachLine(t, "testdata/encodings.jsonl", func(e encoding) {
		for name, b := range all {
			got := b.Encode(nil, e.Text, true)
			if !slices.Equal(got, e.IDs[name]) {
				t.Errorf("%s, %s: %s", name, e.Title, firstDifference(b, got, e.IDs[name]))
			}
			want, ok := e.Plain[name]
			if !ok {
				want = e.IDs[name]
			}
			if got := b.Encode(nil, e.Text, false); !slices.Equal(got, want) {
				t.Errorf("%s, %s, without added tokens: %s", name, e.Title, firstDifference(b, got, want))
			}
			if got := spell(b, want); got != b.normal(e.Text) {
				t.Errorf("%s, %s: the ids are the text %q", name, e.Title, got)
			}
		}
	})
	if lines < 80 {
		t.Errorf("only %d texts compared", lines)
	}
}

// spell joins the bytes of tokens, special ones included.
func spell(b *BPE, ids []int32) string {
	var out []byte
	for _, id := range ids {
		out = b.Bytes(out, id)
	}
	return string(out)
}

func firstDifference(b *BPE, got, want []int32) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	words := func(ids []int32) (out []string) {
		for _, id := range ids[min(i, len(ids)):min(i+6, len(ids))] {
			out = append(out, spell(b, []int32{id}))
		}
		return out
	}
	g, _ := json.Marshal(words(got))
	w, _ := json.Marshal(words(want))
	return "from token " + strconv.Itoa(i) + " on " + string(g) + ", not " + string(w)
}

func TestGoldenDecodings(t *testing.T) {
	all := openAll(t)
	lines := eachLine(t, "testdata/decodings.jsonl", func(d struct {
		Vocabulary string
		IDs        []int32
		Text       string
	}) {
		if got := Decode(all[d.Vocabulary], d.IDs); got != d.Text {
			t.Errorf("%s, %v: %q, not %q", d.Vocabulary, d.IDs, got, d.Text)
		}
	})
	if lines < 40 {
		t.Errorf("only %d outputs compared", lines)
	}
}

// TestParityFile compares with a file of random texts, which
// scripts/golden-tokenizer --fuzz writes.
func TestParityFile(t *testing.T) {
	path := os.Getenv("TOKENIZER_PARITY")
	if path == "" {
		t.Skip("TOKENIZER_PARITY names no file made by scripts/golden-tokenizer --fuzz")
	}
	all := openAll(t)
	different := 0
	lines := eachLine(t, path, func(e encoding) {
		for name, b := range all {
			if got := b.Encode(nil, e.Text, true); !slices.Equal(got, e.IDs[name]) {
				if different++; different <= 20 {
					t.Errorf("%s, %+q: %s", name, e.Text, firstDifference(b, got, e.IDs[name]))
				}
			}
		}
	})
	t.Logf("%d texts by %d vocabularies: %d differ", lines, len(all), different)
}
