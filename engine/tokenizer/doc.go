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
// # Byte-level BPE
//
// Open reads a tokenizer.json as Llama 3, Qwen2, Qwen3, GPT-2 and SmolLM2 have
// it, and gives the ids that the tokenizers library gives. A text becomes
// tokens in four steps:
//
//  1. Added tokens are cut out, the longest at each place: first those with
//     "normalized": false in the text as it is, the others after step 2.
//  2. The normalizer brings what is between them into normal form C, or leaves
//     it (none, NFC, or a Sequence of these).
//  3. The pre-tokenizer splits it into words: ByteLevel by GPT-2's pattern,
//     Split by the pattern of Llama 3, Qwen2 or GPT-2, Digits one by one, or a
//     Sequence of these that ends with ByteLevel.
//  4. The bytes of each word are merged pair by pair, the pair of the smallest
//     rank first. With ignore_merges, a word that is a token is not merged.
//
// Merges are read in both spellings ("a b" and ["a", "b"]). Prefix has what a
// TemplateProcessing post-processor puts before a text; Encode does not add it.
// Everything else is refused with its file and field: other models, patterns,
// normalizers and decoders, byte_fallback, dropout, and added tokens with
// lstrip, rstrip or single_word. Truncation, padding and unk_token have no
// effect: the first two are for training, and every byte has a token.
//
// Without special, Encode recognises no added token, not even those that are
// not special, as Qwen's <tool_call>: text that somebody else wrote cannot
// imitate a template's marks. The library would recognise the latter.
//
// Characters are letters and numbers as in Unicode 16 and compose as in Unicode
// 9, since that is what the library's regular expressions and its normalizer
// know. A byte that is not UTF-8 counts as punctuation, and comes back as it
// was.
//
// # Parity
//
// Vocabularies under testdata are trained by scripts/golden-tokenizer, which
// also records the library's ids for text in over 30 scripts, code, emoji,
// control characters and what is hard to split. TOKENIZER_PARITY names a file
// of random texts for the same comparison on a larger scale.
//
// # Streaming
//
// A token's bytes need not be whole characters. A Decoder holds back the
// beginning of one until it is complete, so that the text so far is always
// valid UTF-8.
package tokenizer
