// Package chat writes a conversation as a model's prompt, and reads tool calls
// out of its output.
//
// # Templates
//
// Two families are known. Their text is that of the templates published with
// the models, character by character; golden files made with transformers'
// apply_chat_template hold it.
//
//   - Llama3 is that of Llama 3.1, 3.2 and 3.3, and with Bare that of Llama 3,
//     which has no tools. Tools stand in the first user message, a call is the
//     whole of a message, {"name": ..., "parameters": ...}, and a message has
//     one at most. Llama 3.1's built-in tools (<|python_tag|>) are not offered.
//     The date is a fixed one unless set, as 3.1 has it: today's, which 3.2
//     writes, would end every cached prefix at midnight.
//   - ChatML is that of Qwen2.5, with Think that of Qwen3, and with another
//     system message or none that of other models which write <|im_start|>.
//     Tools stand in the system message between <tools> and </tools>, and each
//     call, {"name": ..., "arguments": ...}, between <tool_call> and
//     </tool_call>.
//
// Detect chooses by the template in a model's folder. It runs no template: one
// of another family is refused by name, and one that is a variation of these
// gets the family's text.
//
// A conversation ends with the header of the assistant's next message. Tool
// schemas and arguments are written as Python's json.dumps writes them with
// ensure_ascii off, their keys in the order given.
//
// # Safety
//
// A prompt is a list of parts: special tokens that the template writes, and
// text. Text is never searched for special tokens, so a message that contains
// "<|im_end|>" ends nothing. In between, text is encoded in one piece with the
// template's own, as the models saw it in training. Tool names are held to
// [a-zA-Z0-9_-]{1,64}, which is what the OpenAI API allows.
//
// # Tool calls in an output
//
// A CallFormat has the text around a call's JSON object and the names of its
// two keys, to constrain decoding with, and Parse to read calls with.
package chat
