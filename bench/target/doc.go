// Package target calls models over HTTP as an agent does: one streamed
// completion at a time, against any server with the OpenAI API.
//
// A prompt is a list of token ids, which /v1/completions takes here and in vLLM
// and SGLang, so that what is measured does not depend on a tokenizer. Each
// chunk is dated when its event has been read in whole. The time to first token
// is that of the first chunk with a token, as vLLM's benchmark and AIPerf have
// it; what a chunk holds beyond one token is known where the server returns
// token ids (return_token_ids) and is otherwise taken to be one.
//
// # Errors
//
// A status other than 200 is a *StatusError with the server's message; 429 is
// one too. A stream that ends without its [DONE], or with an error event, is an
// error, and the answer holds what had come until then.
package target
