package grammar

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// tokens is a tokenizer that is a list of tokens, the last of which is special.
type tokens []string

func (t tokens) Encode(dst []int32, text string, _ bool) []int32 {
	for text != "" {
		best := int32(-1)
		for id, s := range t[:len(t)-1] {
			if strings.HasPrefix(text, s) && (best < 0 || len(s) > len(t[best])) {
				best = int32(id)
			}
		}
		dst = append(dst, best)
		text = text[len(t[best]):]
	}
	return dst
}
func (t tokens) Bytes(dst []byte, id int32) []byte { return append(dst, t[id]...) }
func (t tokens) Vocab() int                        { return len(t) }
func (t tokens) Special(id int32) bool             { return int(id) == len(t)-1 }
func (t tokens) ID(string) (int32, bool)           { return int32(len(t) - 1), true }

func (t tokens) end() int32 { return int32(len(t) - 1) }

func allBytes() (t tokens) {
	for c := range 256 {
		t = append(t, string([]byte{byte(c)}))
	}
	return t
}

// small has tokens that cross the borders of characters, escapes, strings and
// members.
func small() tokens {
	t := append(allBytes(), strings.Fields(`
		{" ": ":" "," "} "}} ": "" [] [[ ]] {} "]} ]}, [{ "}]} }]}]} {"a":{"a": {"a":[ ,"b": ,"b":" [" ", "a" "b" "kind
		name arguments true tru e} fal se null nul l} 12 00 000 1. .5 1e 0,1 -1 -0 e+1 9]
		abc abcdefgh aaaa aaaaaaaaaaaaaaaa aa" the é漢 漢" \\ \" \n \u \u00 \ud \\u00e9 \\n a\ \\" u00 d83d 字" ab","
		`)...)
	t = append(t, "\xc3", "\xe6\xbc", "\xa2\"", "\xa2a", "\xf0\x9f", "\x98\x80", "\x98\x80\"", " \"", ", ", ": ", "  ", "a\nb", "\n\n", "\n</tool_call>", "<tool_call>\n{\"name\":")
	return append(t, "<|end|>")
}

// large is n tokens with the shapes of a trained vocabulary: mostly words with
// and without a space before them, code, marks and numbers.
func large(n int) tokens {
	r := rand.New(rand.NewPCG(7, 7))
	t := append(allBytes(), `"`+`:`, `":"`, `","`, `"}`, `{"`, `"]`, `":{"`, `":["`, `"},{"`, ` "`, `",`, `":`, `\"`, `\\`, "\\n\"")
	seen := map[string]bool{}
	for _, s := range t {
		seen[s] = true
	}
	syllables := strings.Fields("a e i o u an en in on er re th st nd ing ion al le co de com pro ter ment able ly s t r n m l d p f g b w k v x y z ch sh tr pl")
	marks := strings.Fields(`" ' ( ) [ ] { } : ; , . / \ - _ = + * & % $ # @ ! ? < > | ~ "" ", ": "] ") }, }; [" (" =" =\" \n`)
	for len(t) < n-1 {
		var s strings.Builder
		switch k := r.IntN(20); {
		case k == 0:
			for range 1 + r.IntN(3) {
				s.WriteString(marks[r.IntN(len(marks))])
			}
		case k == 1:
			s.WriteString(marks[r.IntN(len(marks))] + syllables[r.IntN(len(syllables))])
		case k == 2:
			for range 1 + r.IntN(3) {
				s.WriteByte(byte('0' + r.IntN(10)))
			}
		case k == 3:
			s.WriteString(strings.Repeat(" ", 1+r.IntN(64)))
		case k == 4:
			for range 1 + r.IntN(3) {
				s.WriteRune(rune(0x4e00 + r.IntN(3000)))
			}
		default:
			if k%2 == 0 {
				s.WriteByte(' ')
			}
			for range 1 + r.IntN(4) {
				s.WriteString(syllables[r.IntN(len(syllables))])
			}
		}
		if !seen[s.String()] {
			seen[s.String()] = true
			t = append(t, s.String())
		}
	}
	return append(t, "<|end|>")
}

func vocabulary(tb testing.TB, t tokens) *Vocabulary {
	tb.Helper()
	v, err := NewVocabulary(t)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestTrie(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	seen := map[int32]bool{}
	var path []byte
	for i := range v.all.nodes[:len(v.all.nodes)-1] {
		n := v.all.nodes[i]
		path = append(path[:n.depth-1], n.label)
		for _, id := range v.all.at(int32(i)) {
			if list[id] != string(path) || seen[id] {
				t.Fatalf("token %d %q at %q", id, list[id], path)
			}
			seen[id] = true
		}
		if n.end < int32(len(v.all.nodes)-1) && v.all.nodes[n.end].depth > n.depth {
			t.Fatalf("node %d does not end before node %d", i, n.end)
		}
	}
	if len(seen) != len(list)-1 {
		t.Fatalf("%d of %d tokens", len(seen), len(list)-1)
	}
	for _, text := range []string{"", "a", "aaaaaaaaaaaaaaaaaaaaaaa", `{"a":{"a":12}}`, "\xf0\x9f\x98\x80\""} {
		if got, want := v.fewest([]byte(text)), fewest(list, text, map[string]int32{}); got != want {
			t.Errorf("%q takes %d tokens, want %d", text, got, want)
		}
	}
}

func fewest(list tokens, text string, known map[string]int32) int32 {
	if text == "" {
		return 0
	}
	if n, ok := known[text]; ok {
		return n
	}
	best := int32(1 << 20)
	for _, s := range list[:len(list)-1] {
		if strings.HasPrefix(text, s) {
			best = min(best, 1+fewest(list, text[len(s):], known))
		}
	}
	known[text] = best
	return best
}

func TestVocabularyNeedsBytes(t *testing.T) {
	list := small()
	for _, c := range []byte{'"', 'a', '~', 0x80, 0xf4} {
		without := append(tokens{}, list...)
		without[c] = "missing"
		if _, err := NewVocabulary(without); err == nil || !strings.Contains(err.Error(), "single byte") {
			t.Errorf("without %#x: %v", c, err)
		}
	}
	without := append(tokens{}, list...)
	without['\n'] = "missing"
	g, err := Literal("a\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Bind(vocabulary(t, without), g); err == nil || !strings.Contains(err.Error(), "0x0a") {
		t.Errorf("a literal that cannot be spelled: %v", err)
	}
}

// TestContentStates holds the table against encoding: every character comes
// back to the base in as many steps as it has bytes, and nothing else does.
func TestContentStates(t *testing.T) {
	for c := range rune(0x110000) {
		text := []byte(string(c))
		if c == '"' || c == '\\' || c < ' ' {
			continue
		}
		if 0xd800 <= c && c < 0xe000 {
			text = []byte{0xed, byte(0x80 | c>>6&0x3f), byte(0x80 | c&0x3f)}
		}
		state, starts := run(text)
		if ok := 0xd800 > c || c >= 0xe000; ok != (state == base) || ok && starts != 1 {
			t.Fatalf("%#x: state %d after %d characters", c, state, starts)
		}
	}
	for c := range 256 {
		state := contentStates[base][c]
		if (c < ' ' || c >= 0x80 && c < 0xc2 || c > 0xf4) != (state == refused) {
			t.Errorf("byte %#x leads to state %d", c, state)
		}
	}
	for s := range uint8(numStates) {
		state, rest := s, wayBack[s]
		for rest != "" {
			state = contentStates[state][rest[0]]
			if rest = rest[1:]; state >= numStates || wayBack[state] != rest {
				t.Fatalf("the way back from state %d leads to %d with %q left", s, state, rest)
			}
		}
		if state != base {
			t.Errorf("the way back from state %d ends in %d", s, state)
		}
	}
	if !bytes.Equal([]byte(`a\"\\\n\r\t\u0001é`), bytes.Trim(appendQuoted(nil, "a\"\\\n\r\t\x01é"), `"`)) {
		t.Error(quoted("a\"\\\n\r\t\x01é"))
	}
}
