"""Whether two folders with models of bf16 hold the same merge, up to the rounding of bf16."""

import json
import math
import struct
from pathlib import Path

import numpy

# A share of elements may be anything: TIES as torch computes it chooses among equal magnitudes at
# the threshold by chance.
SHARE = 0.015
SAMPLE = 40
ROWS = ("model.embed_tokens.weight", "lm_head.weight")


class Tensors:
    """The tensors of a folder, by name."""

    def __init__(self, folder: Path):
        self.places: dict[str, tuple[Path, int, dict]] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                entries = json.loads(file.read(length))
            entries.pop("__metadata__", None)
            for name, entry in entries.items():
                self.places[name] = (path, 8 + length, entry)

    def read(self, name: str) -> numpy.ndarray:
        """A tensor as f32."""
        path, start, entry = self.places[name]
        assert entry["dtype"] == "BF16", f"{path}: {name} is {entry['dtype']}"
        shape = entry["shape"]
        at = start + entry["data_offsets"][0]
        codes = numpy.fromfile(path, numpy.uint16, math.prod(shape), offset=at)
        return (codes.astype(numpy.uint32) << 16).view(numpy.float32).reshape(shape)


def tokens(folder: Path) -> dict[str, int] | None:
    """The numbers of the tokens of a folder's tokenizer."""
    path = folder / "tokenizer.json"
    if not path.exists():
        return None
    read = json.loads(path.read_text())
    added = {token["content"]: token["id"] for token in read["added_tokens"]}
    return read["model"]["vocab"] | added


def beyond(ours: numpy.ndarray, theirs: numpy.ndarray) -> tuple[float, float]:
    """The share of elements that differ, and of those that do by more than bf16's rounding.

    A step of bf16 is at most 1/128 of a value; values near zero may be off by as much as one of
    the size of the tensor's own root mean square, because sums cancel.
    """
    size = numpy.sqrt(numpy.mean(theirs.astype(numpy.float64) ** 2))
    allowed = numpy.maximum(numpy.abs(theirs) / 128, size / 256)
    apart = numpy.abs(ours - theirs)
    return float(numpy.mean(apart > 0)), float(numpy.mean(~(apart <= allowed)))


def compare(ours: Path, theirs: Path) -> tuple[bool, list[str]]:
    """Compares a sample of the tensors; whether they agree, and lines that say how well."""
    mine, other = Tensors(ours), Tensors(theirs)
    if mine.places.keys() != other.places.keys():
        apart = sorted(mine.places.keys() ^ other.places.keys())
        return False, [f"only one has {', '.join(apart[:3])}: they do NOT agree"]
    my_tokens, other_tokens = tokens(ours), tokens(theirs)
    if (my_tokens or {}).keys() != (other_tokens or {}).keys():
        return False, ["the tokenizers have different tokens: they do NOT agree"]
    names = sorted(mine.places)
    names = sorted({*names[:: max(1, len(names) // SAMPLE)], *ROWS})
    differ, wrong, worst = 0.0, 0.0, ""
    for name in names:
        a, b = mine.read(name), other.read(name)
        if my_tokens and other_tokens and name in ROWS:
            some = sorted(my_tokens)[::7]
            a = a[[my_tokens[token] for token in some]]
            b = b[[other_tokens[token] for token in some]]
        if a.shape != b.shape:
            return False, [f"{name}: shapes {a.shape} and {b.shape}: they do NOT agree"]
        share, far = beyond(a, b)
        differ = max(differ, share)
        if far >= wrong:
            wrong, worst = far, name
    fine = wrong <= SHARE
    return fine, [
        f"{len(names)} tensors compared: at most {differ:.2%} of the elements of one differ, "
        f"{wrong:.3%} by more than bf16 rounds ({worst}): "
        + ("they agree" if fine else "they do NOT agree")
    ]
