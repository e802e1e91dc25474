package tokenizer

import (
	"fmt"
)

func (b *BPE) setNormalizer(c *component, at string) error {
	switch {
	case c == nil:
	case c.Type == "NFC":
		b.nfc = true
	case c.Type == "Sequence":
		for i := range c.Normalizers {
			if err := b.setNormalizer(&c.Normalizers[i], fmt.Sprintf("%s.normalizers[%d]", at, i)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s: %s; known are none and NFC", at, c)
	}
	return nil
}

// setPreTokenizer makes the stages of splitting. The last is ByteLevel, which
// spells words in bytes and may split them by GPT-2's pattern before.
func (b *BPE) setPreTokenizer(c *component) error {
	if c == nil {
		return fmt.Errorf("pre_tokenizer: there is none; a byte-level BPE has ByteLevel, or a Sequence that ends with it")
	}
	stages, at := []component{*c}, "pre_tokenizer"
	if c.Type == "Sequence" {
		stages, at = c.PreTokenizers, "pre_tokenizer.pretokenizers"
	}
	if len(stages) == 0 || stages[len(stages)-1].Type != "ByteLevel" {
		return fmt.Errorf("%s: the last is not ByteLevel, as it is in a byte-level BPE", at)
	}
	for i := range stages {
		where := at
		if c.Type == "Sequence" {
			where = fmt.Sprintf("%s[%d]", at, i)
		}
		stage, err := stages[i].cut(where, i == len(stages)-1)
		if err != nil {
			return err
		}
		if stage != nil {
			b.cuts = append(b.cuts, stage)
		}
	}
	return nil
}

// cut is the stage that a pre-tokenizer stands for; nil: it does not split.
func (c *component) cut(at string, last bool) (cut, error) {
	switch {
	case c.Type == "ByteLevel" && last:
		if c.AddPrefixSpace {
			return nil, fmt.Errorf("%s.add_prefix_space: true; only false is known", at)
		}
		if c.UseRegex == nil || *c.UseRegex {
			return cutGPT2, nil
		}
		return nil, nil
	case c.Type == "Digits":
		if !c.IndividualDigits {
			return nil, fmt.Errorf("%s.individual_digits: false; only true is known", at)
		}
		return cutDigits, nil
	case c.Type == "Split":
		if c.Behavior != "Isolated" || c.Invert {
			return nil, fmt.Errorf("%s: behavior %q and invert %v; only \"Isolated\" and false are known", at, c.Behavior, c.Invert)
		}
		if c.Pattern.Regex == nil {
			return nil, fmt.Errorf("%s.pattern: not a Regex; known are the regular expressions of Llama 3, Qwen2 and GPT-2", at)
		}
		switch *c.Pattern.Regex {
		case llama3Pattern:
			return cutLlama3(3), nil
		case qwen2Pattern:
			return cutLlama3(1), nil
		case gpt2Pattern:
			return cutGPT2, nil
		}
		return nil, fmt.Errorf("%s.pattern.Regex: %q; known are the regular expressions of Llama 3, Qwen2 and GPT-2", at, *c.Pattern.Regex)
	}
	return nil, fmt.Errorf("%s: %s; known are Split, Digits, and ByteLevel as the last", at, c)
}

// setPrefix finds what a post-processor puts before a text.
func (b *BPE) setPrefix(c *component, at string) error {
	switch {
	case c == nil || c.Type == "ByteLevel":
		return nil
	case c.Type == "Sequence":
		for i := range c.Processors {
			if err := b.setPrefix(&c.Processors[i], fmt.Sprintf("%s.processors[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case c.Type != "TemplateProcessing":
		return fmt.Errorf("%s: %s; known are ByteLevel and TemplateProcessing", at, c)
	}
	texts := 0
	for i, p := range c.Single {
		switch {
		case p.Sequence != nil && p.SpecialToken == nil && texts == 0:
			texts++
		case p.SpecialToken != nil && p.Sequence == nil && texts == 0:
			token, ok := c.SpecialTokens[p.SpecialToken.ID]
			if !ok {
				return fmt.Errorf("%s.single[%d]: %q is not in special_tokens", at, i, p.SpecialToken.ID)
			}
			for _, id := range token.IDs {
				if id < 0 || int(id) >= b.Vocab() {
					return fmt.Errorf("%s.special_tokens: %q has id %d; there are %d ids", at, p.SpecialToken.ID, id, b.Vocab())
				}
			}
			b.prefix = append(b.prefix, token.IDs...)
		default:
			return fmt.Errorf("%s.single[%d]: known are special tokens and then the text, with nothing after it", at, i)
		}
	}
	if texts == 0 {
		return fmt.Errorf("%s.single: there is no Sequence, which stands for the text", at)
	}
	return nil
}
