package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBytesVocabulary(t *testing.T) {
	tok, err := NewBytes(128256)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Vocab() != 128256 {
		t.Errorf("Vocab() = %d", tok.Vocab())
	}
	spelled := make(map[string]int32)
	for id := range int32(tok.Vocab()) {
		s := string(tok.Bytes(nil, id))
		if before, ok := spelled[s]; ok || s == "" {
			t.Fatalf("id %d is spelled %q, as %d is", id, s, before)
		}
		spelled[s] = id
		if id < 256 {
			if s != string([]byte{byte(id)}) {
				t.Errorf("byte %d is spelled %q", id, s)
			}
			continue
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) || len(s) > 32 {
			t.Errorf("id %d is spelled %q: not short printable ASCII", id, s)
		}
	}
	for id, want := range map[int32]string{270: " ba", 271: "ba", 272: " be", 429: "zu", 430: " baba"} {
		if got := string(tok.Bytes(nil, id)); got != want {
			t.Errorf("id %d is spelled %q, not %q", id, got, want)
		}
	}
	for _, id := range []int32{-1, 128256} {
		if b := tok.Bytes(nil, id); len(b) != 0 {
			t.Errorf("unknown id %d stands for %q", id, b)
		}
	}
}

func TestBytesEncode(t *testing.T) {
	tok, err := NewBytes(32000)
	if err != nil {
		t.Fatal(err)
	}
	eot, ok := tok.ID("<|eot_id|>")
	if !ok || !tok.Special(eot) {
		t.Fatalf("<|eot_id|> is %d, special: %v", eot, tok.Special(eot))
	}
	if _, ok := tok.ID("ba"); ok {
		t.Error("a filler has an id as a special token")
	}
	text := "a<|eot_id|><|eot_"
	if got, want := tok.Encode(nil, text, true), append([]int32{'a', eot}, bytesOf("<|eot_")...); !slices.Equal(got, want) {
		t.Errorf("with special tokens: %v, not %v", got, want)
	}
	if got := tok.Encode(nil, text, false); !slices.Equal(got, bytesOf(text)) {
		t.Errorf("without special tokens: %v", got)
	}
	if got := tok.Encode([]int32{7}, "b", false); !slices.Equal(got, []int32{7, 'b'}) {
		t.Errorf("Encode does not append: %v", got)
	}
	if got := Decode(tok, tok.Encode(nil, text, true)); got != "a<|eot_" {
		t.Errorf("the text of an output is %q", got)
	}
}

func bytesOf(s string) (ids []int32) {
	for i := range len(s) {
		ids = append(ids, int32(s[i]))
	}
	return ids
}

func TestBytesRefusesVocabularies(t *testing.T) {
	for _, vocab := range []int{-1, 0, 256, firstFiller - 1, maxVocab + 1} {
		if _, err := NewBytes(vocab); err == nil || !strings.Contains(err.Error(), "from 270") {
			t.Errorf("NewBytes(%d): %v", vocab, err)
		}
	}
	if _, err := NewBytes(firstFiller); err != nil {
		t.Error(err)
	}
}

// TestDecoderReplaces checks what becomes of invalid bytes against results of
// Python's bytes.decode("utf-8", "replace").
func TestDecoderReplaces(t *testing.T) {
	for in, want := range map[string]string{
		"\xff":                 "\uFFFD",
		"\x80\x80":             "\uFFFD\uFFFD",
		"\xe2\x82":             "\uFFFD",
		"\xe2\x82\xe2\x82\xac": "\uFFFD\u20ac",
		"\xe2\x28\xa1":         "\uFFFD(\uFFFD",
		"\xf0\x9f\x98x":        "\uFFFDx",
		"\xed\xa0\x80":         "\uFFFD\uFFFD\uFFFD", // a surrogate
		"\xf4\x90\x80\x80":     "\uFFFD\uFFFD\uFFFD\uFFFD",
		"\xc0\x80":             "\uFFFD\uFFFD",
		"a\xc3\xa9\xc3":        "a\u00e9\uFFFD",
		"\uFFFD":               "\uFFFD",
	} {
		var d Decoder
		if got := string(d.Flush(d.Append(nil, []byte(in)))); got != want {
			t.Errorf("%q decodes to %q, not %q", in, got, want)
		}
	}
}

func TestDecoderHoldsBack(t *testing.T) {
	var d Decoder
	for i, want := range []string{"", "", "", "\U0001F600", "!"} {
		if got := string(d.Append(nil, []byte("\U0001F600!"[i:i+1]))); got != want {
			t.Errorf("byte %d gives %q, not %q", i, got, want)
		}
	}
	if got := d.Flush(nil); len(got) != 0 {
		t.Errorf("Flush after whole characters gives %q", got)
	}
}

// FuzzDecoder splits bytes at two places and byte by byte: the text is that of
// the whole, valid, and the bytes themselves where those are valid.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{"", "plain", "h\u00e9llo \U0001F469\u200D\U0001F4BB", "\xe2\x82", "\xf0\x9f\x98\xff\x80", "\xed\xa0\x80\xf4\x90"} {
		f.Add([]byte(s), uint8(1), uint8(2))
	}
	f.Fuzz(func(t *testing.T, p []byte, i, j uint8) {
		var d Decoder
		whole := string(d.Flush(d.Append(nil, p)))
		if !utf8.ValidString(whole) {
			t.Fatalf("%q decodes to %q", p, whole)
		}
		if utf8.Valid(p) && whole != string(p) {
			t.Fatalf("valid %q decodes to %q", p, whole)
		}
		a := min(int(i), len(p))
		b := a + min(int(j), len(p)-a)
		var split []byte
		for _, part := range [][]byte{p[:a], p[a:b], p[b:]} {
			split = d.Append(split, part)
			if !utf8.Valid(split) {
				t.Fatalf("%q split at %d and %d gives invalid %q on the way", p, a, b, split)
			}
		}
		if split = d.Flush(split); string(split) != whole {
			t.Fatalf("%q split at %d and %d gives %q, not %q", p, a, b, split, whole)
		}
		var single []byte
		for k := range p {
			single = d.Append(single, p[k:k+1])
		}
		if single = d.Flush(single); string(single) != whole {
			t.Fatalf("%q byte by byte gives %q, not %q", p, single, whole)
		}
	})
}
