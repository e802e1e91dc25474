package tokenizer

// Tokenizer is a vocabulary with its rules. It is safe for concurrent use.
type Tokenizer interface {
	// Encode appends the ids of text to dst. Special tokens that text spells out
	// are recognised only with special.
	Encode(dst []int32, text string, special bool) []int32
	// Bytes appends the bytes that a token stands for to dst; a special token
	// stands for its own spelling, an unknown id for nothing. Bytes of one token
	// need not be valid UTF-8: a Decoder holds back what is not whole.
	Bytes(dst []byte, id int32) []byte
	// Vocab is the number of ids, those that no token uses among them.
	Vocab() int
	// Special says whether an id is a special token, which is not part of an
	// output's text.
	Special(id int32) bool
	// ID is the id of a special token, by its spelling.
	ID(special string) (int32, bool)
}
