package tokenizer

import "fmt"

// byteSpecials are the special tokens of the byte tokenizer, in the order of
// their ids from 256 on: those that the Llama-3 and ChatML templates write, and
// the <tool_call> marks of Qwen, which are plain text there.
var byteSpecials = [...]added{
	{text: "<|begin_of_text|>", special: true},
	{text: "<|end_of_text|>", special: true},
	{text: "<|start_header_id|>", special: true},
	{text: "<|end_header_id|>", special: true},
	{text: "<|eot_id|>", special: true},
	{text: "<|eom_id|>", special: true},
	{text: "<|python_tag|>", special: true},
	{text: "<|endoftext|>", special: true},
	{text: "<|im_start|>", special: true},
	{text: "<|im_end|>", special: true},
	{text: "<tool_call>"},
	{text: "</tool_call>"},
	{text: "<think>"},
	{text: "</think>"},
}

const (
	firstSpecial = 256
	firstFiller  = firstSpecial + len(byteSpecials)

	// maxVocab bounds what is believed of a vocabulary's size. The largest ones
	// in use have about 262,000 tokens.
	maxVocab = 1 << 22
)

// byteTokenizer is a vocabulary without training: see the package comment.
type byteTokenizer struct {
	vocab int
	marks marks
}

// NewBytes returns the byte tokenizer with a vocabulary of that many ids, for
// a model whose weights have seen no text. It needs at least 270: the bytes and
// the special tokens of the chat templates.
func NewBytes(vocab int) (Tokenizer, error) {
	if vocab < firstFiller || vocab > maxVocab {
		return nil, fmt.Errorf("byte tokenizer: a vocabulary of %d ids; it takes from %d (256 bytes and %d special tokens) to %d",
			vocab, firstFiller, len(byteSpecials), maxVocab)
	}
	tokens := make([]added, len(byteSpecials))
	for i, s := range byteSpecials {
		s.id = int32(firstSpecial + i)
		tokens[i] = s
	}
	return &byteTokenizer{vocab: vocab, marks: newMarks(tokens)}, nil
}

func (b *byteTokenizer) Vocab() int { return b.vocab }

func (b *byteTokenizer) Encode(dst []int32, text string, special bool) []int32 {
	for i := 0; i < len(text); {
		if special {
			if n, id := b.marks.at(text[i:]); n > 0 {
				dst = append(dst, id)
				i += n
				continue
			}
		}
		dst = append(dst, int32(text[i]))
		i++
	}
	return dst
}

func (b *byteTokenizer) Bytes(dst []byte, id int32) []byte {
	switch {
	case id < 0 || int(id) >= b.vocab:
		return dst
	case id < firstSpecial:
		return append(dst, byte(id))
	case int(id) < firstFiller:
		return append(dst, byteSpecials[id-firstSpecial].text...)
	default:
		return appendSyllables(dst, int(id)-firstFiller)
	}
}

func (b *byteTokenizer) Special(id int32) bool {
	return id >= firstSpecial && int(id) < firstFiller && byteSpecials[id-firstSpecial].special
}

func (b *byteTokenizer) ID(special string) (int32, bool) { return b.marks.id(special) }

const (
	consonants = "bdfghjklmnprstvz"
	vowels     = "aeiou"
	syllables  = len(consonants) * len(vowels)
)

// appendSyllables spells filler n: a space before it if n is even, and n/2 in
// syllables of a consonant and a vowel, most significant first. Syllables are
// digits from 1 to 80, so no two fillers are spelled alike.
func appendSyllables(dst []byte, n int) []byte {
	if n%2 == 0 {
		dst = append(dst, ' ')
	}
	var word [8]byte // 80 + 80^2 + 80^3 + 80^4 words are more than maxVocab/2
	at := len(word)
	for n = n/2 + 1; n > 0; n = (n - 1) / syllables {
		digit := (n - 1) % syllables
		at -= 2
		word[at] = consonants[digit/len(vowels)]
		word[at+1] = vowels[digit%len(vowels)]
	}
	return append(dst, word[at:]...)
}
