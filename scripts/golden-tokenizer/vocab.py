"""Small vocabularies, trained on text made here, in the forms in which Llama-3, Qwen2 and GPT-2 publish theirs."""

import json
import random
import re

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import samples

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

ADDED = {
    "llama3": [("<|begin_of_text|>", True), ("<|end_of_text|>", True), ("<|start_header_id|>", True),
               ("<|end_header_id|>", True), ("<|eom_id|>", True), ("<|eot_id|>", True), ("<|python_tag|>", True)],
    "qwen2": [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True),
              ("<tool_call>", False), ("</tool_call>", False), ("<tool_response>", False), ("</tool_response>", False),
              ("<think>", False), ("</think>", False)],
    "gpt2": [("<|endoftext|>", True)],
    "smollm2": [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True)],
}


def corpus(rng: random.Random, lines: int):
    """Lines of words drawn from the samples, so that pairs repeat as in a language."""
    groups = [list(samples.SENTENCES.values()), list(samples.CODE.values()), list(samples.AWKWARD.values())]
    words = [re.findall(r"\s?\S+", " ".join(g)) for g in groups]
    for _ in range(lines):
        pool = rng.choices(words, weights=[8, 3, 1])[0]
        yield "".join(rng.choices(pool, k=rng.randint(3, 12))) + rng.choice(["\n", ".\n", "\n\n", ""])
        yield " the request and the answer are in the cache of the server, 2024\n"


def pre_tokenizer(name: str):
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=name in ("gpt2", "smollm2"))
    if name == "gpt2":
        return byte_level
    first = (pre_tokenizers.Digits(individual_digits=True) if name == "smollm2" else
             pre_tokenizers.Split(Regex(LLAMA3 if name == "llama3" else QWEN2), behavior="isolated", invert=False))
    return pre_tokenizers.Sequence([first, byte_level])


def train(name: str, merges: int) -> Tokenizer:
    tok = Tokenizer(models.BPE(unk_token=None, fuse_unk=False, byte_fallback=False))
    tok.normalizer = normalizers.NFC() if name == "qwen2" else None
    tok.pre_tokenizer = pre_tokenizer(name)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256 + merges, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False, special_tokens=[])
    tok.train_from_iterator(list(corpus(random.Random(name), 4000)), trainer)
    return tok


def write(name: str, merges: int, path: str):
    """Train a vocabulary and write it, changed to what the published files have."""
    tok = train(name, merges)
    if name == "llama3":
        tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
            special_tokens=[("<|begin_of_text|>", tok.get_vocab_size())])])
    else:
        tok.post_processor = processors.ByteLevel(trim_offsets=False)
    added = [AddedToken(text, special=special, normalized=name == "gpt2") for text, special in ADDED[name]]
    tok.add_special_tokens([a for a in added if a.special])
    tok.add_tokens([a for a in added if not a.special])
    spec = json.loads(tok.to_str())
    model = spec["model"]
    if name == "llama3":
        model["ignore_merges"] = True
        model["merges"] = all_splits(model["vocab"])
    if name in ("llama3", "gpt2"):  # as the older files write them
        model["merges"] = [" ".join(pair) for pair in model["merges"]]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(spec, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def all_splits(vocab: dict[str, int]) -> list[list[str]]:
    """Every way to make a token of two, in order of the token, as conversions from tiktoken's files have it; but none
    for one token in fifty, which only ignore_merges can then find."""
    merges = []
    for token, rank in sorted(vocab.items(), key=lambda item: item[1]):
        if rank % 50 == 0:
            continue
        pairs = [[token[:i], token[i:]] for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(pairs, key=lambda p: (vocab[p[0]], vocab[p[1]]))
    return merges


def without_added(path: str) -> Tokenizer:
    """The same vocabulary, to which its added tokens are text like any other."""
    with open(path, encoding="utf-8") as f:
        spec = json.load(f)
    spec["added_tokens"] = []
    spec["post_processor"] = None
    return Tokenizer.from_str(json.dumps(spec))
