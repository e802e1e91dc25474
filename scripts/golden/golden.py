#!/usr/bin/env python3
"""Computes golden logits with Hugging Face transformers on the CPU.

For each tiny preset, tierlab writes a folder of seeded weights; this program
computes the weights anew from the specification in engine/model (go doc
tierlab/engine/model) and compares; transformers reads the folder and runs a
prompt and 64 forced decode steps, in f32 and in its own bf16. The logits go to
engine/backend/backendtest/testdata/golden/NAME.golden, in the format that
LoadGolden of engine/backend/backendtest states.

    python -m venv venv && venv/bin/pip install -r scripts/golden/requirements.txt
    venv/bin/python scripts/golden/golden.py           # write the files
    venv/bin/python scripts/golden/golden.py --check   # compare with them instead

Nothing in the build or the tests needs Python.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "engine/backend/backendtest/testdata/golden"
MODELS = ["tiny", "tiny-tied", "tiny-qwen2", "tiny-qwen3"]
SEED = 0x1234_5678_0000_0007  # of the weights; both halves matter
PROMPT, DECODE = 96, 64  # tokens; the prompt is longer than RoPE's original contexts
ROWS_OF_PROMPT = [0, 1, 2, 15, 16, 17, 31, 32, 63, 64]  # whose logits are kept, beside the last

# ---- seeded weights, as engine/model specifies them ----

MASK = 0xFFFFFFFF
KINDS = {
    "model.embed_tokens.weight": 0,
    "input_layernorm.weight": 1,
    "self_attn.q_proj.weight": 2,
    "self_attn.k_proj.weight": 3,
    "self_attn.v_proj.weight": 4,
    "self_attn.q_proj.bias": 5,
    "self_attn.k_proj.bias": 6,
    "self_attn.v_proj.bias": 7,
    "self_attn.q_norm.weight": 8,
    "self_attn.k_norm.weight": 9,
    "self_attn.o_proj.weight": 10,
    "post_attention_layernorm.weight": 11,
    "mlp.gate_proj.weight": 12,
    "mlp.up_proj.weight": 13,
    "mlp.down_proj.weight": 14,
    "model.norm.weight": 15,
    "lm_head.weight": 16,
}


def mix(x):
    x &= MASK
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def hash_bytes(seed, kind, layer, n):
    """The first n bytes of a tensor's counter hash, signed."""
    ident = layer << 8 | kind
    a, b = (mix(mix(mix(y + 0x9E3779B9) ^ (seed & MASK)) ^ (seed >> 32)) for y in (ident, ~ident & MASK))
    x = np.arange((n + 3) // 4, dtype=np.uint32) + np.uint32(a)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x ^= np.uint32(b)
    x ^= x >> 15
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    return x.astype("<u4").view(np.int8)[:n].astype(np.float64)


def seeded(seed, name, shape):
    """A tensor by its name in a Hugging Face folder."""
    layer = 0
    if name.startswith("model.layers."):
        layer, name = name.removeprefix("model.layers.").split(".", 1)
    b = hash_bytes(seed, KINDS[name], int(layer), int(np.prod(shape)))
    if len(shape) == 2:
        log2 = int(shape[1] - 1).bit_length()
        w = b * 2.0 ** -(6 + (log2 + 1) // 2)
    elif name.endswith(".bias"):
        w = b * 2.0**-9
    else:
        w = 1 + np.floor(b / 8) * 2.0**-7
    return w.reshape(shape)


def check_weights(model, tied):
    """Holds what transformers has read to the specification, to the bit."""
    count = 0
    for name, t in model.state_dict().items():
        if name == "lm_head.weight" and tied:
            continue
        want = torch.from_numpy(seeded(SEED, name, tuple(t.shape)))
        if not torch.equal(t.double(), want):
            sys.exit(f"{name}: transformers and numpy disagree")
        count += t.numel()
    return count


# ---- logits ----


def tokens(name, vocab):
    """A prompt and a forced output; any would do."""
    draw = np.random.Generator(np.random.PCG64(sum(map(ord, name))))
    ids = [int(i) for i in draw.integers(0, vocab, PROMPT + DECODE)]
    return ids[:PROMPT], ids[PROMPT:]


@torch.inference_mode()
def logits(model, prompt, forced):
    """[kept rows, vocabulary]: of the prompt in one pass, then of the forced
    tokens one by one over the cache, as a server decodes."""
    out = model(input_ids=torch.tensor([prompt]), use_cache=True)
    rows = [out.logits[0, i] for i in ROWS_OF_PROMPT + [len(prompt) - 1]]
    for token in forced:
        out = model(input_ids=torch.tensor([[token]]), past_key_values=out.past_key_values, use_cache=True)
        rows.append(out.logits[0, -1])
    return torch.stack(rows)


def export(name, folder):
    subprocess.run(
        ["go", "run", ".", "--quiet", "engine", "export", "--model", name, "--weights-seed", str(SEED), "--out", folder],
        cwd=ROOT,
        check=True,
    )


def load(folder, dtype):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    return model.eval()


def golden(name):
    """The file's header, f32 logits and bf16 logits."""
    with tempfile.TemporaryDirectory() as temp:
        folder = str(Path(temp) / name)
        export(name, folder)
        config = json.loads((Path(folder) / "config.json").read_text())
        full = load(folder, torch.float32)
        count = check_weights(full, config["tie_word_embeddings"])
        prompt, forced = tokens(name, config["vocab_size"])
        frequencies = full.model.rotary_emb.inv_freq.tolist()
        f32 = logits(full, prompt, forced)
        bf16 = logits(load(folder, torch.bfloat16), prompt, forced)
        f64 = logits(full.double(), prompt, forced)
    print(
        f"{name}: {count} weights equal numpy's; logits rms {f32.square().mean().sqrt():.2f};"
        f" f32 against f64: max {(f32 - f64).abs().max():.1e};"
        f" bf16 against f32: max {(bf16.float() - f32).abs().max():.3f}, rms {(bf16.float() - f32).square().mean().sqrt():.4f}"
    )
    header = {
        "model": name,
        "seed": str(SEED),
        "config": config,
        "made_by": f"scripts/golden with transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}",
        "prompt": prompt,
        "forced": forced,
        "at": ROWS_OF_PROMPT + list(range(PROMPT - 1, PROMPT + DECODE)),
        "inv_freq": frequencies,
    }
    return header, f32.numpy().astype("<f4"), bf16.view(torch.int16).numpy().astype("<i2")


def write(path, header, f32, bf16):
    text = json.dumps(header, separators=(",", ":"))
    path.write_bytes(text.encode() + b"\n" + f32.tobytes() + bf16.tobytes())
    print(f"  {path.relative_to(ROOT)}: {path.stat().st_size} bytes")


def compare(path, header, f32, bf16):
    """Another machine's sums differ in order, so its logits in the last bits;
    in bf16 they differ by as much as the reference itself is off."""
    line, data = path.read_bytes().split(b"\n", 1)
    for key, value in header.items():
        if key not in ("made_by", "inv_freq") and json.loads(line)[key] != value:
            sys.exit(f"{path}: {key} differs")
    old = np.frombuffer(data[: f32.nbytes], "<f4").reshape(f32.shape)
    off = np.abs(old - f32).max()
    print(f"  {path.relative_to(ROOT)}: f32 logits differ by at most {off:.1e}")
    if off > 1e-4:
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    parser.add_argument("models", nargs="*", default=MODELS, help="default: " + ", ".join(MODELS))
    args = parser.parse_args()
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        (compare if args.check else write)(FOLDER / f"{name}.golden", *golden(name))


if __name__ == "__main__":
    main()
