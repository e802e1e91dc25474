package importers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"tierlab/workloads"
)

// drawRows draws requests over few blocks, so that many share their beginning.
// An odd id is a partial block: it ends a prompt, always with the same length.
func drawRows(t *rapid.T) (ids [][]int64, tokens []int) {
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		row := rapid.SliceOfN(rapid.Int64Range(0, 2), 0, 5).Draw(t, "blocks")
		length := 0
		for i := range row {
			row[i] *= 2
			length += mooncakeBlock
		}
		if rapid.Bool().Draw(t, "partial") {
			row = append(row, rapid.SampledFrom([]int64{1, 3}).Draw(t, "last"))
			length += 100 * int(row[len(row)-1])
		}
		ids, tokens = append(ids, row), append(tokens, length)
	}
	return ids, tokens
}

// TestMooncakeKeepsAllThatIsShared compares the trie with all pairs: a request
// keeps exactly what it shares with the one that it shares most with.
func TestMooncakeKeepsAllThatIsShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	rapid.Check(t, func(t *rapid.T) {
		ids, tokens := drawRows(t)
		var text bytes.Buffer
		for i := range ids {
			b, err := json.Marshal(map[string]any{"timestamp": i, "input_length": tokens[i], "output_length": 1, "hash_ids": ids[i]})
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(b, '\n'))
		}
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := mooncake.Import([]string{file}, &out, Options{}); err != nil {
			t.Fatal(err)
		}
		lib, err := workloads.ReadLibrary(&out, "imported")
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range lib.Sessions {
			want := 0
			for j := range ids {
				if j != i {
					want = max(want, min(commonLength(ids[i], ids[j])*mooncakeBlock, tokens[i], tokens[j]))
				}
			}
			if n := &g.Steps[0]; n.Keep != want || n.Input != tokens[i] {
				t.Fatalf("request %d of %v keeps %d of %d tokens, want %d of %d", i, ids, n.Keep, n.Input, want, tokens[i])
			}
		}
	})
}

// TestSharedBlocks checks contexts within a session against all pairs.
func TestSharedBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const block = 64
		var prompts []blockPrompt
		for i := range rapid.IntRange(1, 10).Draw(t, "steps") {
			row := rapid.SliceOfN(rapid.Int64Range(1, 3), 0, 6).Draw(t, "blocks")
			length := len(row)*block + rapid.IntRange(0, block-1).Draw(t, "rest")
			prompts = append(prompts, blockPrompt{step: string(rune('a' + i)), ids: row, tokens: length, next: length})
		}
		for i, c := range sharedBlocks(prompts, block) {
			most := 0
			for _, p := range prompts[:i] {
				most = max(most, commonLength(p.ids, prompts[i].ids))
			}
			if c.Tokens() != prompts[i].tokens || (c.From == "") != (most == 0) {
				t.Fatalf("prompt %d of %+v: %+v", i, prompts, c)
			}
			if c.Keep < most*block || c.Keep >= (most+1)*block {
				t.Fatalf("prompt %d of %+v keeps %d tokens, want %d blocks and less than one more", i, prompts, c.Keep, most)
			}
		}
	})
}
