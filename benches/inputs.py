"""Checkpoints of real size for `mergekit.py`: Llama-shaped models, tokenizers and sparse files.

Tensors are made and written one at a time, so that memory stays small. The same arguments give the
same bytes.
"""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy

Shapes = dict[str, tuple[int, ...]]

# TinyLlama 1.1B: 1,100,048,384 parameters in 201 tensors.
TINY_LLAMA = dict(layers=22, hidden=2048, intermediate=5632, heads=32, key_values=4, rows=32000)
# 8,004 tensors, none larger than 8 KB.
MANY = dict(layers=889, hidden=32, intermediate=64, heads=2, key_values=1, rows=64)


def llama(layers: int, hidden: int, intermediate: int, heads: int, key_values: int, rows: int):
    """Shapes by name of a Llama model, and its config."""
    narrow = hidden // heads * key_values
    shapes: Shapes = {"model.embed_tokens.weight": (rows, hidden)}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name, width in (("q", hidden), ("k", narrow), ("v", narrow), ("o", hidden)):
            shapes[f"{at}.self_attn.{name}_proj.weight"] = (width, hidden)
        shapes[f"{at}.mlp.gate_proj.weight"] = (intermediate, hidden)
        shapes[f"{at}.mlp.up_proj.weight"] = (intermediate, hidden)
        shapes[f"{at}.mlp.down_proj.weight"] = (hidden, intermediate)
        shapes[f"{at}.input_layernorm.weight"] = (hidden,)
        shapes[f"{at}.post_attention_layernorm.weight"] = (hidden,)
    shapes["model.norm.weight"] = (hidden,)
    shapes["lm_head.weight"] = (rows, hidden)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_values,
        "vocab_size": rows,
        "tie_word_embeddings": False,
        "dtype": "bfloat16",
    }
    return shapes, config


def header(shapes: Shapes) -> bytes:
    """The header of a safetensors file of bf16 tensors that lie in the order of `shapes`."""
    entries: dict = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        end = at + 2 * math.prod(shape)
        entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def bf16(values: numpy.ndarray) -> numpy.ndarray:
    """f32 values rounded to bf16, to nearest, ties to even."""
    bits = values.view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def values(shapes: Shapes, number: int) -> Iterator[numpy.ndarray]:
    """The tensors of model `number`: near normal, deviation 0.02; 0 is the base of the others.

    The others differ from it by normal deltas of deviation 0.001. Norms lie around 1.
    """
    for index, shape in enumerate(shapes.values()):
        draw = numpy.random.Generator(numpy.random.SFC64([index, 0]))
        tensor = draw.standard_normal(shape, numpy.float32)
        tensor *= numpy.float32(0.02)
        if len(shape) == 1:
            tensor += numpy.float32(1)
        if number:
            draw = numpy.random.Generator(numpy.random.SFC64([index, number]))
            delta = draw.standard_normal(shape, numpy.float32)
            delta *= numpy.float32(0.001)
            tensor += delta
        yield bf16(tensor)


def model(folder: Path, shape: dict, number: int) -> Path:
    """A folder with a model, made where it is not there yet."""
    if not (folder / "config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shapes, config = llama(**shape)
        with open(folder / "model.safetensors", "wb") as file:
            file.write(header(shapes))
            for tensor in values(shapes, number):
                file.write(tensor.tobytes())
        (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder


def vocabulary(number: int, rows: int) -> tuple[dict[str, int], list[list[str]]]:
    """Tokens and merges of a BPE tokenizer of `rows` tokens.

    Single characters, then pairs of them. Each tokenizer has three quarters of its alphabet in
    common with the next one's, so that half of its pairs are in both, under other numbers.
    """
    size = math.isqrt(rows) + 1
    first = 0x4E00 + number * size // 4
    letters = [chr(first + at) for at in range(size)]
    tokens = ["<unk>", "<s>", "</s>", *letters]
    pairs = [[a, b] for a in letters for b in letters][: rows - len(tokens)]
    # Another order for each, as real tokenizers have.
    order = numpy.random.Generator(numpy.random.SFC64(number)).permutation(len(pairs))
    pairs = [pairs[at] for at in order]
    tokens += [a + b for a, b in pairs]
    return {token: at for at, token in enumerate(tokens)}, pairs


def tokenizer(folder: Path, number: int, rows: int) -> None:
    """Puts a tokenizer beside a model."""
    vocab, merges = vocabulary(number, rows)
    special = [
        dict(id=at, content=token, single_word=False, lstrip=False, rstrip=False)
        | dict(normalized=False, special=True)
        for token, at in list(vocab.items())[:3]
    ]
    bpe = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None)
    bpe |= dict(end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=False)
    space = dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True)
    whole = dict(version="1.0", truncation=None, padding=None, added_tokens=special)
    whole |= dict(normalizer=None, pre_tokenizer=space, post_processor=None, decoder=space)
    whole["model"] = bpe | dict(vocab=vocab, merges=merges)
    (folder / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", unk_token="<unk>")
    config |= dict(bos_token="<s>", eos_token="</s>", model_max_length=2048)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))


def sparse(folder: Path, shards: int = 100, experts: int = 332) -> Path:
    """A mixture of 1.5 TB in bf16: 100 shards of a layer each, 1,000 tensors in a layer.

    Only the headers take room on the disk; reading the tensors gives zeros.
    """
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    shape = (3000, 2500)
    where: dict[str, str] = {}
    for layer in range(shards):
        at = f"model.layers.{layer}"
        names = [f"{at}.self_attn.{name}_proj.weight" for name in "qkvo"]
        for expert in range(experts):
            for name in ("gate", "up", "down"):
                names.append(f"{at}.mlp.experts.{expert}.{name}_proj.weight")
        file = f"model-{layer + 1:05}-of-{shards:05}.safetensors"
        text = header({name: shape for name in names})
        with open(folder / file, "wb") as out:
            out.write(text)
            out.truncate(len(text) + 2 * len(names) * shape[0] * shape[1])
        where |= dict.fromkeys(names, file)
    total = 2 * len(where) * shape[0] * shape[1]
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = dict(architectures=["MixtralForCausalLM"], model_type="mixtral")
    config |= dict(num_hidden_layers=shards, num_local_experts=experts, hidden_size=shape[1])
    (folder / "config.json").write_text(json.dumps(config | dict(dtype="bfloat16"), indent=2))
    return folder
