package hub

// What a conversation takes where no tokenizer is at hand. The vocabularies of
// current models make 4 to 5 bytes of English prose a token and 2.5 to 3.5 of
// code and JSON, so that 3 is seldom too many; a template's marks around a
// message are 3 to 6 tokens (https://platform.openai.com/docs/guides/text-generation,
// "managing tokens", and the templates in engine/tokenizer/chat).
const (
	bytesPerToken    = 3
	tokensPerMessage = 6
)

// Estimate is how many tokens a text takes, without its tokenizer.
func Estimate(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }

// estimate is Estimate of a call's prompt.
func estimate(c *Call) int {
	if c.Prompt != nil {
		return len(c.Prompt)
	}
	bytes, messages := size(c)
	return (bytes+bytesPerToken-1)/bytesPerToken + messages*tokensPerMessage
}

// size is how many bytes of text a conversation has, its tools' definitions
// among them, and in how many messages and definitions.
func size(c *Call) (bytes, messages int) {
	for i := range c.Messages {
		m := &c.Messages[i]
		bytes += len(m.Content) + len(m.Name)
		for _, call := range m.Calls {
			bytes += len(call.Name) + len(call.Arguments)
		}
	}
	for i := range c.Tools {
		d := &c.Tools[i]
		bytes += len(d.Name) + len(d.Description) + len(d.Parameters)
	}
	return bytes, len(c.Messages) + len(c.Tools)
}
