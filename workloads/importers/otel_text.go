package importers

import (
	"encoding/json"

	"tierlab/workloads"
)

// spanPrompt is the text of a call as far as it is known: one string for each
// message of the prompt, and the answer's.
type spanPrompt struct {
	messages []spanMessage
	answer   string
	input    int // tokens
	output   int
}

type spanMessage struct{ role, text string }

// tokens estimates a message's length.
func (m spanMessage) tokens() int { return 4 + textTokens(m.text) }

// textTokens estimates the tokens of a text: one for four bytes.
func textTokens(text string) int { return (len(text) + 3) / 4 }

// measure fills in the model calls: tokens, contexts, times.
func (s *spanSession) measure() {
	for i, c := range s.calls {
		p := &c.prompt
		p.messages = append(readMessages(c.span, "gen_ai.system_instructions"),
			readMessages(c.span, "gen_ai.input.messages", "gen_ai.prompt")...)
		for _, m := range readMessages(c.span, "gen_ai.output.messages", "gen_ai.output.text", "gen_ai.completion") {
			p.answer += m.text
		}
		s.count(c)
		c.step.LLM.Model = c.span.text("gen_ai.response.model")
		if c.step.LLM.Model == "" {
			c.step.LLM.Model = c.span.text("gen_ai.request.model")
		}
		if c.span.text("gen_ai.operation.name") == "embeddings" {
			c.step.LLM.Modality = "embedding"
		}
		for k := len(p.messages) - 1; k >= 0 && c.step.LLM.Task == ""; k-- {
			if p.messages[k].role == "user" {
				c.step.LLM.Task = p.messages[k].text
			}
		}
		c.step.LLM.OutputTokens = p.output
		c.step.LLM.Recorded = ptr(workloads.Millis(c.span.end.Sub(c.span.start)))
		if ttft, ok := c.span.attributes["gen_ai.response.time_to_first_chunk"].(float64); ok && ttft >= 0 {
			c.step.LLM.RecordedTTFT = ptr(seconds(ttft))
		}
		if c.span.failed {
			s.out.count(1, "model calls ended in an error; they are replayed as if they had not")
		}
		c.step.LLM.Context = s.context(c, s.calls[:i])
	}
}

// count finds a call's tokens.
func (s *spanSession) count(c *spanCallStep) {
	p := &c.prompt
	p.input = c.span.tokens("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
	if p.input < 0 {
		p.input = 0
		for _, m := range p.messages {
			p.input += m.tokens()
		}
		s.out.count(1, "model calls without input tokens: estimated from their text, four bytes a token")
	}
	p.output = c.span.tokens("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
	if p.output < 0 {
		p.output = textTokens(p.answer)
		s.out.count(1, "model calls without output tokens: estimated from their text, four bytes a token")
	}
}

// context is what a call's prompt shares with an earlier one's.
func (s *spanSession) context(c *spanCallStep, earlier []*spanCallStep) workloads.Context {
	fresh := workloads.Context{Add: c.prompt.input}
	if len(c.prompt.messages) > 0 {
		best := fresh
		for _, b := range earlier {
			if keep := c.prompt.shared(&b.prompt); keep > best.Keep {
				best = workloads.Context{From: b.step.ID, Keep: keep, Add: c.prompt.input - keep}
			}
		}
		return best
	}
	cached := c.span.tokens("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
	if cached <= 0 || len(c.step.After) == 0 {
		return fresh
	}
	for _, b := range earlier {
		if b.step.ID == c.step.After[0].Step {
			return grown(&b.step, c.prompt.input, cached)
		}
	}
	return fresh
}

// shared is how many tokens of b's prompt and answer p begins with. A part of
// b's prompt counts in proportion to its estimated length.
func (p *spanPrompt) shared(b *spanPrompt) int {
	n, part, whole := 0, 0, 0
	for n < min(len(p.messages), len(b.messages)) && p.messages[n] == b.messages[n] {
		part += p.messages[n].tokens()
		n++
	}
	if n == 0 {
		return 0
	}
	for _, m := range b.messages {
		whole += m.tokens()
	}
	keep := b.input * part / whole
	if n == len(b.messages) {
		keep = b.input
		if n < len(p.messages) && p.messages[n] == (spanMessage{"assistant", b.answer}) {
			keep += b.output
		}
	}
	return min(keep, p.input)
}

// readMessages reads the first of the named attributes that is there. It may
// be a list, a list as a JSON string, or plain text.
func readMessages(sp *span, names ...string) []spanMessage {
	for _, name := range names {
		value, ok := sp.attributes[name]
		if !ok {
			continue
		}
		list, isList := value.([]any)
		if text, isText := value.(string); isText {
			isList = json.Unmarshal([]byte(text), &list) == nil
		}
		if !isList {
			return []spanMessage{{role(name), plainText(value)}}
		}
		messages := make([]spanMessage, len(list))
		for i := range list {
			messages[i] = readMessage(list[i], name)
		}
		return messages
	}
	return nil
}

// role is the role of text that states none.
func role(attribute string) string {
	switch attribute {
	case "gen_ai.system_instructions":
		return "system"
	case "gen_ai.input.messages", "gen_ai.prompt":
		return "user"
	}
	return "assistant"
}

// readMessage reads {"role", "content"} or {"role", "parts": [{"type", ...}]};
// the text of whatever else stands in it is its JSON.
func readMessage(v any, attribute string) spanMessage {
	object, ok := v.(map[string]any)
	if !ok {
		return spanMessage{role(attribute), plainText(v)}
	}
	m := spanMessage{role: role(attribute)}
	if r, ok := object["role"].(string); ok {
		m.role = r
	}
	if parts, ok := object["parts"].([]any); ok {
		for _, part := range parts {
			m.text += partText(part)
		}
		return m
	}
	m.text = partText(object)
	if calls, ok := object["tool_calls"]; ok {
		m.text += plainText(calls)
	}
	return m
}

func partText(part any) string {
	if object, ok := part.(map[string]any); ok {
		if content, ok := object["content"]; ok && content != nil {
			return plainText(content)
		}
	}
	return plainText(part)
}

func plainText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
