package cli

import (
	"fmt"
	"slices"

	"tierlab/engine/model"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// modelText is how a model reads and writes text.
type modelText struct {
	tokenizer tokenizer.Tokenizer
	begin     []int32 // tokens before a text that is no chat
	template  chat.Template
	noChat    error // why there is no template
}

// text is the tokenizer and the chat template of the model: those in its
// folder, or for a built-in shape the byte tokenizer and its family's template.
func (o *engineOptions) text(c model.Config) (t modelText, err error) {
	if _, unknown := model.Preset(o.model.model); unknown == nil {
		t, err = presetText(c)
	} else {
		t, err = folderText(o.model.model)
	}
	if err != nil {
		return t, badInput(err)
	}
	if n := t.tokenizer.Vocab(); n > c.Vocab {
		return t, badInputf("%s: its tokenizer has ids up to %d, its model up to %d: they do not belong together", o.model.model, n-1, c.Vocab-1)
	}
	if o.template != "" {
		if t.template, t.noChat = chat.ByName(o.template); t.noChat != nil {
			return t, badInputf("--chat-template: %w", t.noChat)
		}
	}
	if t.noChat == nil {
		t.noChat = chat.Check(t.template, t.tokenizer)
	}
	return t, nil
}

func presetText(c model.Config) (t modelText, err error) {
	if t.tokenizer, err = tokenizer.NewBytes(c.Vocab); err != nil {
		return t, err
	}
	family := "chatml"
	if c.Arch == model.Llama {
		family = "llama3"
	}
	if c.BOS >= 0 {
		t.begin = []int32{c.BOS}
	}
	t.template, err = chat.ByName(family)
	return t, err
}

// folderText reads a folder. A model without a chat template still completes
// text.
func folderText(dir string) (t modelText, err error) {
	b, err := tokenizer.Open(dir)
	if err != nil {
		return t, err
	}
	t.tokenizer, t.begin = b, b.Prefix()
	t.template, t.noChat = chat.Detect(dir)
	return t, nil
}

// prompt is a text as the model expects it to begin.
func (t *modelText) prompt(text string) []int32 {
	return t.tokenizer.Encode(slices.Clone(t.begin), text, false)
}

// chat writes a conversation and names the tokens that end the answer.
func (t *modelText) chat(c chat.Conversation) (prompt, stop []int32, err error) {
	if t.noChat != nil {
		return nil, nil, fmt.Errorf("no chat: %w", t.noChat)
	}
	prompt, err = chat.Encode(nil, t.template, t.tokenizer, c)
	return prompt, chat.StopIDs(t.template, t.tokenizer), err
}
