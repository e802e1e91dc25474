// Package tokenizer turns text into token ids and back.
//
// # Byte tokenizer
//
// NewBytes makes a vocabulary for models whose weights have seen no text. Ids 0
// to 255 are bytes. From 256 on follow the special tokens of the chat
// templates, in this order: <|begin_of_text|>, <|end_of_text|>,
// <|start_header_id|>, <|end_header_id|>, <|eot_id|>, <|eom_id|>,
// <|python_tag|>, <|endoftext|>, <|im_start|>, <|im_end|>, and four that are
// part of an output's text: <tool_call>, </tool_call>, <think>, </think>.
// Every id n from 270 on is a filler, which Encode never produces: it is
// spelled as (n-270)/2 in syllables, with a space before it if n is even, so
// that random weights write words that a person can see and tell apart.
//
// # Streaming
//
// A token's bytes need not be whole characters. A Decoder holds back the
// beginning of one until it is complete, so that the text so far is always
// valid UTF-8.
package tokenizer
