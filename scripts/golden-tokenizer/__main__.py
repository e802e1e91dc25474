"""Write the golden vectors of engine/tokenizer, or random text with its ids for a larger comparison.

    python scripts/golden-tokenizer [--templates DIR]        rewrites engine/tokenizer/testdata
    python scripts/golden-tokenizer --fuzz FILE --count N    then: TOKENIZER_PARITY=FILE go test ./engine/tokenizer

Needs the packages tokenizers and transformers. DIR holds the chat templates as published, named as in
chats.py; without it the conversations stay as they are. Tests need no Python: they read what is written here.
"""

import argparse
import json
import os
import random

import tokenizers
from tokenizers import Tokenizer

import chats
import fuzz
import samples
import vocab

TESTDATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "engine", "tokenizer", "testdata")
MERGES = {"llama3": 1500, "qwen2": 1500, "gpt2": 1200, "smollm2": 600}


def path(name: str) -> str:
    return os.path.join(TESTDATA, name, "tokenizer.json")


def encodings(names, trained, plain):
    """Per sample the ids with added tokens recognised, and without where that differs."""
    for title, text in samples.all_samples():
        case = {"title": title, "text": text, "ids": {}, "plain": {}}
        for name in names:
            case["ids"][name] = trained[name].encode(text, add_special_tokens=False).ids
            ids = plain[name].encode(text, add_special_tokens=False).ids
            if ids != case["ids"][name]:
                case["plain"][name] = ids
        yield json.dumps(case, separators=(",", ":"))


def decodings(names, trained):
    """Random ids, whose bytes are rarely valid, with the text they decode to."""
    rng = random.Random(5)
    for name in names:
        for n in range(12):
            ids = rng.choices(range(256 if n % 2 else trained[name].get_vocab_size()), k=24)
            text = trained[name].decode(ids, skip_special_tokens=True)
            yield json.dumps({"vocabulary": name, "ids": ids, "text": text}, separators=(",", ":"))


def write_lines(name: str, lines):
    with open(os.path.join(TESTDATA, name), "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", help="folder of published chat templates")
    parser.add_argument("--fuzz", help="write random text and ids to this file, and nothing else")
    parser.add_argument("--count", type=int, default=100_000, help="random texts")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    names = list(MERGES)
    if not args.fuzz:
        print("tokenizers", tokenizers.__version__)
        for name, merges in MERGES.items():
            os.makedirs(os.path.dirname(path(name)), exist_ok=True)
            vocab.write(name, merges, path(name))
    trained = {name: Tokenizer.from_file(path(name)) for name in names}
    if args.fuzz:
        fuzz.write(args.fuzz, args.count, args.seed, trained)
        return
    plain = {name: vocab.without_added(path(name)) for name in names}
    write_lines("encodings.jsonl", encodings(names, trained, plain))
    write_lines("decodings.jsonl", decodings(names, trained))
    if args.templates:
        write_lines("../chat/testdata/chats.jsonl", chats.goldens(args.templates, trained))


if __name__ == "__main__":
    main()
