"""Random text: letters of all planes, marks, white space, digits, and the parts that pre-tokenizers care about."""

import json
import random

PARTS = ["'s", "'T", "'re", "'ſ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "12", "3456", "½", "Ⅻ",
         "\u0301", "\u0323", "\u0327", "\u200d", "\ufe0f", "é", "e\u0301", "Å", "\u212b", "각", "\u1100\u1161", "\u11a8", "😀", "🏽", "🇨🇭",
         "the", " request", "Server", "_", "!", "...", "</", "<|im_end|>", "<|eot_id|>", "<tool_call>", "<|endoftext|>", "ß", "ﬁ"]


def character(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.3:
        return chr(rng.randrange(0x20, 0x7f))
    if kind < 0.5:
        return chr(rng.randrange(0xa0, 0x3000))
    if kind < 0.7:
        return chr(rng.randrange(0x3000, 0xd800))
    if kind < 0.75:
        return chr(rng.randrange(0, 0x20))
    if kind < 0.8:
        return chr(rng.randrange(0xe000, 0x10000))
    return chr(rng.randrange(0x10000, 0x32000) if kind < 0.95 else rng.randrange(0x10000, 0x110000))


def text(rng: random.Random) -> str:
    out = []
    base = chr(rng.randrange(0x20, 0xd700))
    for _ in range(rng.randrange(0, 40)):
        kind = rng.random()
        if kind < 0.45:
            out.append(rng.choice(PARTS))
        elif kind < 0.7:  # letters of one script stand together
            out.append(chr(min(ord(base) + rng.randrange(0, 40), 0xd7ff)))
        elif kind < 0.75:
            out.append(character(rng) * rng.randrange(1, 50))
        else:
            out.append(character(rng))
    return "".join(out)


def write(path: str, count: int, seed: int, trained):
    """A line per text: the text and its ids by each vocabulary, added tokens recognised."""
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(count):
            s = text(rng)
            ids = {name: t.encode(s, add_special_tokens=False).ids for name, t in trained.items()}
            f.write(json.dumps({"text": s, "ids": ids}, separators=(",", ":")) + "\n")
