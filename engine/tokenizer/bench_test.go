package tokenizer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkEncode encodes text in one script, code, and text without any word
// seen before, in MB/s.
func BenchmarkEncode(b *testing.B) {
	texts := map[string]string{}
	eachLine(b, "testdata/encodings.jsonl", func(e encoding) {
		switch e.Title {
		case "latin", "python", "han", "devanagari", "decomposed":
			texts[e.Title] = strings.Repeat(e.Text+" ", 50)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	var unseen strings.Builder
	for unseen.Len() < 1<<20 {
		fmt.Fprintf(&unseen, " %c%x", 'a'+r.IntN(26), r.Uint32())
	}
	texts["unseen"] = strings.Map(func(c rune) rune { // letters only, so that it is one word
		if '0' <= c && c <= '9' {
			return c - '0' + 'k'
		}
		return c
	}, unseen.String())
	texts["one word"] = strings.Repeat("a", 1<<16)
	for _, name := range []string{"llama3", "qwen2"} {
		tok := open(b, name)
		for _, title := range []string{"latin", "python", "han", "devanagari", "decomposed", "unseen", "one word"} {
			b.Run(name+"/"+strings.ReplaceAll(title, " ", "-"), func(b *testing.B) {
				text := texts[title]
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				var dst []int32
				for b.Loop() {
					dst = tok.Encode(dst[:0], text, true)
				}
			})
		}
	}
}

// BenchmarkDecode turns tokens into text one by one, as a stream does.
func BenchmarkDecode(b *testing.B) {
	tok := open(b, "llama3")
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, 4096)
	for i := range ids {
		ids[i] = r.Int32N(int32(tok.Vocab()))
	}
	var d Decoder
	var text, piece []byte
	b.ReportAllocs()
	for b.Loop() {
		text = text[:0]
		for _, id := range ids {
			piece = tok.Bytes(piece[:0], id)
			text = d.Append(text, piece)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/token")
}

// BenchmarkOpen reads a vocabulary of Llama 3's size: 128,000 tokens of two and
// three bytes.
func BenchmarkOpen(b *testing.B) {
	data, err := os.ReadFile(filepath.Join("testdata", "llama3", fileName))
	if err != nil {
		b.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		b.Fatal(err)
	}
	model := root["model"].(map[string]any)
	vocab := map[string]int{}
	var names []string
	for r := range newAlphabet() {
		vocab[string(r)] = len(names)
		names = append(names, string(r))
	}
	var pairs []string
	for n := 0; len(names) < 128000; n++ {
		left, right := names[n/256], names[n%256]
		if _, ok := vocab[left+right]; !ok {
			vocab[left+right] = len(names)
			names = append(names, left+right)
			pairs = append(pairs, left+" "+right)
		}
	}
	model["vocab"], model["merges"], root["added_tokens"], root["post_processor"] = vocab, pairs, nil, nil
	if data, err = json.Marshal(root); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
