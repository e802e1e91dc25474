package tokenizer

import (
	"fmt"
	"maps"
	"slices"
)

// setVocabulary takes over the model's tokens and merges, and the added tokens.
func (b *BPE) setVocabulary(f *file) error {
	if err := f.Model.check(); err != nil {
		return err
	}
	tokens, err := f.Model.byID()
	if err != nil {
		return err
	}
	words := make(map[string]int32, len(tokens)) // by what they stand for
	alphabet := newAlphabet()
	spelled := make([]string, len(tokens))
	for id, token := range tokens {
		word, ok := alphabet.bytes(token)
		spelled[id] = word
		if ok && token != "" {
			words[word] = int32(id)
		}
	}
	for i := range b.bytes {
		id, ok := words[string([]byte{byte(i)})]
		if !ok {
			return fmt.Errorf("model.vocab: the byte 0x%02x has no token, so this is not a byte-level BPE", i)
		}
		b.bytes[i] = id
	}
	if err := b.setMerges(&f.Model); err != nil {
		return err
	}
	if f.Model.IgnoreMerges {
		b.whole = words
	}
	if spelled, err = b.setAdded(f.AddedTokens, f.Model.Vocab, spelled, tokens); err != nil {
		return err
	}
	b.ends = make([]uint32, 0, len(spelled))
	for _, s := range spelled {
		b.spelled = append(b.spelled, s...)
		b.ends = append(b.ends, uint32(len(b.spelled)))
	}
	return nil
}

// check refuses kinds of models that are not read.
func (m *bpeModel) check() error {
	switch {
	case m.Type != "BPE":
		return fmt.Errorf("model.type: %q; known is BPE", m.Type)
	case m.ByteFallback:
		return fmt.Errorf("model.byte_fallback: true, as in vocabularies made from SentencePiece; known are byte-level ones")
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("model.dropout: %g; only none is known", *m.Dropout)
	case m.WordPrefix != nil && *m.WordPrefix != "":
		return fmt.Errorf("model.continuing_subword_prefix: %q; only none is known", *m.WordPrefix)
	case m.WordSuffix != nil && *m.WordSuffix != "":
		return fmt.Errorf("model.end_of_word_suffix: %q; only none is known", *m.WordSuffix)
	}
	return nil
}

// byID is the vocabulary as a table; an id without a token has an empty one.
func (m *bpeModel) byID() ([]string, error) {
	names := slices.Sorted(maps.Keys(m.Vocab))
	largest := int32(-1)
	for _, name := range names {
		id := m.Vocab[name]
		if id < 0 || id >= maxVocab {
			return nil, fmt.Errorf("model.vocab: %q has id %d; ids are from 0 to %d", name, id, maxVocab-1)
		}
		largest = max(largest, id)
	}
	tokens := make([]string, largest+1)
	for _, name := range names {
		id := m.Vocab[name]
		if tokens[id] != "" {
			return nil, fmt.Errorf("model.vocab: %q and %q both have id %d", tokens[id], name, id)
		}
		tokens[id] = name
	}
	return tokens, nil
}

func (b *BPE) setMerges(m *bpeModel) error {
	b.merges = newMerges(len(m.Merges))
	for rank, p := range m.Merges {
		left, ok1 := m.Vocab[p[0]]
		right, ok2 := m.Vocab[p[1]]
		id, ok3 := m.Vocab[p[0]+p[1]]
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("model.merges[%d]: of %q, %q and %q not all are in model.vocab", rank, p[0], p[1], p[0]+p[1])
		}
		b.merges.put(left, right, int32(rank), id)
	}
	return nil
}

// setAdded takes over the added tokens, and appends those that the model's
// vocabulary lacks to what the tokens stand for.
func (b *BPE) setAdded(list []addedToken, vocab map[string]int32, spelled, tokens []string) ([]string, error) {
	var first, second []added
	for i, t := range list {
		switch {
		case t.Content == "":
			return nil, fmt.Errorf("added_tokens[%d].content: empty", i)
		case t.SingleWord || t.LStrip || t.RStrip:
			return nil, fmt.Errorf("added_tokens[%d]: %q has single_word, lstrip or rstrip; only false is known", i, t.Content)
		case t.Normalized && b.normal(t.Content) != t.Content:
			return nil, fmt.Errorf("added_tokens[%d].normalized: true, and %q is not in the form that the normalizer makes", i, t.Content)
		case t.ID < 0 || t.ID >= maxVocab:
			return nil, fmt.Errorf("added_tokens[%d].id: %d; ids are from 0 to %d", i, t.ID, maxVocab-1)
		}
		if other, ok := b.added[t.ID]; ok {
			return nil, fmt.Errorf("added_tokens[%d].id: %d is that of %q too", i, t.ID, other.text)
		}
		if id, ok := vocab[t.Content]; ok && id != t.ID {
			return nil, fmt.Errorf("added_tokens[%d].id: %d, but model.vocab has %q with id %d", i, t.ID, t.Content, id)
		}
		if int(t.ID) < len(tokens) && tokens[t.ID] != "" && tokens[t.ID] != t.Content {
			return nil, fmt.Errorf("added_tokens[%d].id: %d is that of %q in model.vocab", i, t.ID, tokens[t.ID])
		}
		for int(t.ID) >= len(spelled) {
			spelled = append(spelled, "")
		}
		spelled[t.ID] = t.Content
		a := added{text: t.Content, id: t.ID, special: t.Special}
		b.added[t.ID] = a
		if t.Normalized {
			second = append(second, a)
		} else {
			first = append(first, a)
		}
	}
	b.first, b.second = newMarks(first), newMarks(second)
	return spelled, nil
}

// alphabet spells bytes as characters, as GPT-2 does: printable ones of Latin-1
// stand for themselves, and the others follow from U+0100 on.
type alphabet map[rune]byte

func newAlphabet() alphabet {
	a := make(alphabet, 256)
	next := rune(256)
	for i := range 256 {
		r := rune(i)
		if r < '!' || r > '~' && r < '¡' || r == 0xad {
			r = next
			next++
		}
		a[r] = byte(i)
	}
	return a
}

// bytes is what a token stands for. A token with characters outside the
// alphabet stands for its spelling, and no word is ever encoded as it.
func (a alphabet) bytes(token string) (string, bool) {
	out := make([]byte, 0, len(token))
	for _, r := range token {
		b, ok := a[r]
		if !ok {
			return token, false
		}
		out = append(out, b)
	}
	return string(out), true
}
