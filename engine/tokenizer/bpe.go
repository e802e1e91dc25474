package tokenizer

// BPE is a byte-level BPE vocabulary, as tokenizer.json files describe it.
type BPE struct {
	first  marks // added tokens looked for in the text as it is
	second marks // and those looked for after normalization
	nfc    bool
	cuts   []cut
	class  *classes

	bytes  [256]int32       // the token of each byte
	whole  map[string]int32 // words that are a token without merging; nil: ignore_merges is off
	merges *merges
	words  *cache

	spelled []byte   // what the tokens stand for, one after another
	ends    []uint32 // of each id in spelled
	added   map[int32]added
	prefix  []int32
}

// Vocab is the number of ids, those that no token uses among them. A model may
// have more.
func (b *BPE) Vocab() int { return len(b.ends) }

// Prefix are the tokens that the vocabulary's post-processor puts before a
// text: <|begin_of_text|> for Llama 3, none for Qwen. A chat template writes
// them itself.
func (b *BPE) Prefix() []int32 { return b.prefix }

// Bytes appends what a token stands for. An added token stands for its
// spelling.
func (b *BPE) Bytes(dst []byte, id int32) []byte {
	if id < 0 || int(id) >= len(b.ends) {
		return dst
	}
	begin := uint32(0)
	if id > 0 {
		begin = b.ends[id-1]
	}
	return append(dst, b.spelled[begin:b.ends[id]]...)
}

// Special says whether a token is no part of an output's text.
func (b *BPE) Special(id int32) bool { return b.added[id].special }

// ID is the id of an added token, special or not.
func (b *BPE) ID(spelling string) (int32, bool) {
	if id, ok := b.first.id(spelling); ok {
		return id, true
	}
	return b.second.id(spelling)
}

// Encode appends the tokens of a text. Added tokens are recognised only with
// special, also those that are not special.
func (b *BPE) Encode(dst []int32, text string, special bool) []int32 {
	if !special {
		return b.split(dst, b.normal(text), b.cuts)
	}
	for text != "" {
		begin, end, id := b.first.find(text)
		dst = b.section(dst, b.normal(text[:begin]))
		if begin < end {
			dst = append(dst, id)
		}
		text = text[end:]
	}
	return dst
}

// section encodes text between added tokens of the first kind, where those of
// the second kind are looked for.
func (b *BPE) section(dst []int32, text string) []int32 {
	for text != "" {
		begin, end, id := b.second.find(text)
		dst = b.split(dst, text[:begin], b.cuts)
		if begin < end {
			dst = append(dst, id)
		}
		text = text[end:]
	}
	return dst
}

func (b *BPE) normal(text string) string {
	if b.nfc {
		return normalize(text)
	}
	return text
}

// split cuts a text into words, each stage what the one before it left whole.
func (b *BPE) split(dst []int32, text string, cuts []cut) []int32 {
	if len(cuts) == 0 {
		return b.word(dst, text)
	}
	for text != "" {
		n := cuts[0](b.class, text)
		dst = b.split(dst, text[:n], cuts[1:])
		text = text[n:]
	}
	return dst
}

func (b *BPE) word(dst []int32, word string) []int32 {
	switch len(word) {
	case 0:
		return dst
	case 1:
		return append(dst, b.bytes[word[0]])
	}
	slot, tag := b.words.slot(word)
	if slot != nil {
		if e := slot.entry.Load(); e != nil && e.word == word {
			return append(dst, e.ids...)
		}
	}
	before := len(dst)
	if id, ok := b.whole[word]; ok {
		dst = append(dst, id)
	} else {
		dst = b.merges.encode(dst, word, &b.bytes)
	}
	if slot != nil {
		slot.miss(tag, word, dst[before:])
	}
	return dst
}
