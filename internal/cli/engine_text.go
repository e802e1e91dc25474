package cli

import (
	"tierlab/engine/model"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// modelText is how a model reads and writes text.
type modelText struct {
	tokenizer tokenizer.Tokenizer
	template  chat.Template
}

// text is the tokenizer and the chat template of the model: a built-in shape
// has the byte tokenizer and the template of its family.
func (o *modelOptions) text(c model.Config) (t modelText, err error) {
	if t.tokenizer, err = tokenizer.NewBytes(c.Vocab); err != nil {
		return t, badInput(err)
	}
	family := "chatml"
	if c.Arch == model.Llama {
		family = "llama3"
	}
	t.template, err = chat.ByName(family)
	return t, err
}

// prompt is a text as the model expects it to begin.
func (t *modelText) prompt(c model.Config, text string) []int32 {
	var ids []int32
	if c.BOS >= 0 {
		ids = append(ids, c.BOS)
	}
	return t.tokenizer.Encode(ids, text, false)
}
