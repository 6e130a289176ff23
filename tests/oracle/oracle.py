"""Merges the digits networks in float64 numpy and records how well each result still reads.

Promise: an answer that shares no code with the engine. Everything below is written from the papers'
formulas, from Random123's description of Philox and from the rules in this header; it imports
numpy and safetensors only.

    python tests/oracle/oracle.py          # rewrites accuracy.json and expected/*
    python tests/oracle/oracle.py --check  # fails if accuracy.json differs

Rules that make the numbers reproducible:

* models are numbered from 0 in the order of a case's `models`; the base is not counted;
* a delta is the f32 difference `model - base` (selection by magnitude is defined on that number),
  widened to f64, and all later arithmetic is f64;
* trimming keeps exactly k = floor(density * n) elements, equal magnitudes by the lowest flat index;
  `tensor` scope trims each tensor by itself, `model` scope trims the whole task vector, tensors
  laid end to end in name order;
* the elected sign is that of the weighted total, a total of zero counts as positive; an exact zero
  never agrees;
* the disjoint mean divides by the sum of the weights that agree, and leaves the base where none
  does;
* dropout keeps element e iff Philox word(e) < floor(keep * 2^32) and scales what it keeps by 1 /
  keep.

Expected tensors are stored as f32 and hold the last rows of each merged tensor, at most TAIL
elements; with these shapes only `2.weight` is cut, to its last 64 rows.
"""

import hashlib
import itertools
import json
import struct
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

DATA = Path(__file__).resolve().parent.parent / "data" / "digits"
TASKS = ["rot180", "invert", "flip", "shift"]
SPLITS = ["clean"] + TASKS
TAIL = 16384
MASK32 = np.uint64(0xFFFFFFFF)


# --- random numbers ---


def philox4x32(counter, key, rounds=10):
    """Philox4x32 on four uint64 arrays of 32-bit numbers and two integers; returns four arrays."""
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = (int(k) for k in key)
    for _ in range(rounds):
        p0 = np.uint64(0xD2511F53) * c0  # 32 x 32 bits always fits in 64
        p1 = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & MASK32,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & MASK32,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def check_philox():
    """Random123's three known answers for philox4x32-10."""
    ones = 0xFFFFFFFF
    vectors = [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([ones] * 4, [ones] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ]
    for counter, key, answer in vectors:
        got = [int(w) for w in philox4x32(counter, key)]
        assert got == answer, f"philox4x32-10 of {counter}, {key}: {got}, not {answer}"


def dropout_words(seed, model, name, n):
    """The n words that decide which elements of tensor `name` of merged model `model` are kept."""
    text = b"wgmerge/dropout/v1" + struct.pack("<QI", seed, model) + name.encode("utf-8")
    s0, s1, s2, s3 = struct.unpack("<4I", hashlib.sha256(text).digest()[:16])
    q = np.arange((n + 3) // 4, dtype=np.uint64)
    counter = (q & MASK32, q >> np.uint64(32), np.full_like(q, s2), np.full_like(q, s3))
    return np.stack(philox4x32(counter, (s0, s1)), axis=1).reshape(-1)[:n]


def drop(task_vector, model, keep, seed):
    """DARE: drops at random, keeps the fraction `keep`, and scales the kept deltas by 1 / keep."""
    if keep >= 1.0:
        return task_vector
    threshold = np.uint64(int(keep * 2.0**32))
    out = {}
    for name, d in task_vector.items():
        kept = dropout_words(seed, model, name, d.size).reshape(d.shape) < threshold
        out[name] = np.where(kept, d * (1.0 / keep), 0.0)
    return out


# --- merge methods ---


def deltas(base, models):
    """One task vector per model: the f32 difference to the base, widened to f64."""
    return [{k: (m[k] - base[k]).astype(np.float64) for k in base} for m in models]


def top_k_mask(flat, density):
    """True at the floor(density * n) largest magnitudes; the stable sort settles ties."""
    order = np.argsort(-np.abs(flat), kind="stable")
    mask = np.zeros(flat.size, dtype=bool)
    mask[order[: int(density * flat.size)]] = True
    return mask


def trim(task_vector, density, scope="tensor"):
    """Zeroes all but the largest magnitudes, of each tensor or of the whole task vector."""
    if density >= 1.0:
        return task_vector
    if scope == "tensor":
        return {
            k: np.where(top_k_mask(d.ravel(), density).reshape(d.shape), d, 0.0)
            for k, d in task_vector.items()
        }
    names = sorted(task_vector)
    mask = top_k_mask(np.concatenate([task_vector[k].ravel() for k in names]), density)
    out, start = {}, 0
    for k in names:
        d = task_vector[k]
        out[k] = np.where(mask[start : start + d.size].reshape(d.shape), d, 0.0)
        start += d.size
    return out


def elect_and_mean(ds, weights):
    """TIES: elects a sign per element by weighted total and averages the deltas that agree."""
    vs = np.stack([w * d for w, d in zip(weights, ds)])
    total = vs.sum(axis=0)
    sign = np.where(total >= 0.0, 1.0, -1.0)
    agrees = vs * sign > 0.0
    den = (agrees * np.reshape(weights, (-1,) + (1,) * (vs.ndim - 1))).sum(axis=0)
    return np.where(agrees, vs, 0.0).sum(axis=0) / np.where(den == 0.0, 1.0, den)


def add(base, delta, lam):
    """The base plus lambda times a merged delta."""
    return {k: base[k].astype(np.float64) + lam * delta[k] for k in base}


def linear(models, weights):
    """The weighted average of the networks themselves."""
    return {
        k: sum(w * m[k].astype(np.float64) for w, m in zip(weights, models)) / sum(weights)
        for k in models[0]
    }


def weighted_sum(tvs, weights):
    """The weighted sum of task vectors."""
    return {k: sum(w * tv[k] for w, tv in zip(weights, tvs)) for k in tvs[0]}


def consensus(tvs, weights):
    """The sign-elected disjoint mean of task vectors."""
    return {k: elect_and_mean([tv[k] for tv in tvs], weights) for k in tvs[0]}


def slerp(a, b, t, dot_threshold=0.9995, eps=1e-8):
    """mergekit's slerp: a tensor is one vector; nearly parallel ones are interpolated linearly."""
    out = {}
    for k in a:
        x, y = a[k].astype(np.float64), b[k].astype(np.float64)
        nx, ny = np.linalg.norm(x), np.linalg.norm(y)
        dot = np.sum((x / nx if nx > eps else x) * (y / ny if ny > eps else y))
        if abs(dot) > dot_threshold:
            out[k] = (1.0 - t) * x + t * y
        else:
            theta = np.arccos(dot)
            out[k] = (np.sin(theta - t * theta) * x + np.sin(t * theta) * y) / np.sin(theta)
    return out


# --- the cases ---


def accuracy(network, evaluation):
    """The fraction of digits read right, per split; ReLU between linear layers 0, 2 and 4."""
    out = {}
    for split in SPLITS:
        x = evaluation[split].astype(np.float64)
        for layer in (0, 2, 4):
            x = x @ network[f"{layer}.weight"].astype(np.float64).T + network[
                f"{layer}.bias"
            ].astype(np.float64)
            if layer < 4:
                x = np.maximum(x, 0.0)
        out[split] = float(np.mean(np.argmax(x, axis=1) == evaluation["labels"]))
    return out


def cases(nets):
    """Yields (method, parameters, merged network, name in expected/ or None)."""
    for name in ["base"] + TASKS:
        yield "single", {"models": [name]}, nets[name], None
    for group in (TASKS, ["rot180", "flip"]):
        yield from undropped_cases(nets, group)
        for seed in (0, 1, 2):
            yield from dropped_cases(nets, group, seed)
    for pair in (["rot180", "invert"], ["rot180", "flip"]):
        merged = slerp(nets[pair[0]], nets[pair[1]], 0.5)
        yield "slerp", {"models": pair, "t": 0.5}, merged, "slerp" if "invert" in pair else None
    for task in TASKS:
        (tv,) = deltas(nets["base"], [nets[task]])
        for seed, density in itertools.product((0, 1, 2), (0.5, 0.1)):
            # Its position among the merged models is 0, whichever task it is.
            merged = add(nets["base"], drop(tv, 0, density, seed), 1.0)
            parameters = {"models": [task], "lambda": 1.0, "density": density, "seed": seed}
            yield "dare_linear", parameters, merged, None


def undropped_cases(nets, group):
    """The methods without randomness over the fine-tunes named in `group`."""
    base, models = nets["base"], [nets[t] for t in group]
    tvs, ones = deltas(base, models), [1.0] * len(group)
    yield "linear", {"models": group, "weight": ones}, linear(models, ones), None
    for lam in (0.2, 0.3, 0.4, 0.5, 0.7, 1.0):
        merged = add(base, weighted_sum(tvs, ones), lam)
        yield "task_arithmetic", {"models": group, "lambda": lam}, merged, None
    for scope, density in itertools.product(("tensor", "model"), (0.2, 0.5)):
        delta = consensus([trim(tv, density, scope) for tv in tvs], ones)
        for lam in (1.0, 1.3):
            parameters = {"models": group, "lambda": lam, "density": density, "scope": scope}
            stored = group == TASKS and (density, lam) == (0.2, 1.0)
            name = f"ties_{scope}" if stored else None
            yield "ties", parameters, add(base, delta, lam), name


def dropped_cases(nets, group, seed):
    """DARE over the fine-tunes named in `group`: in place of trimming, and before a full TIES."""
    base, models = nets["base"], [nets[t] for t in group]
    tvs, ones = deltas(base, models), [1.0] * len(group)
    for density in (0.5, 0.1):
        dropped = [drop(tv, i, density, seed) for i, tv in enumerate(tvs)]
        stored = group == TASKS and density == 0.5 and seed == 0
        shared = {"models": group, "density": density, "seed": seed}
        for lam in (0.3, 0.4, 0.7):
            merged = add(base, weighted_sum(dropped, ones), lam)
            name = "dare_linear" if stored and lam == 0.3 else None
            yield "dare_linear", shared | {"lambda": lam}, merged, name
        merged = add(base, consensus(dropped, ones), 1.0)
        yield "dare_ties", shared | {"lambda": 1.0}, merged, "dare_ties" if stored else None
        merged = add(base, consensus([trim(tv, 0.2) for tv in dropped], ones), 1.0)
        parameters = shared | {"lambda": 1.0, "trim_density": 0.2}
        yield "dare_then_ties", parameters, merged, "dare_then_ties" if stored else None


def tail(array):
    """The last whole rows of an array, at most TAIL elements, as f32."""
    rows = min(len(array), max(1, TAIL * len(array) // array.size))
    return np.ascontiguousarray(array[-rows:], dtype=np.float32)


def main():
    """Computes every case; writes the results, or with --check compares the table on disk."""
    check_philox()
    nets = {n: load_file(DATA / f"{n}.safetensors") for n in ["base"] + TASKS}
    evaluation = load_file(DATA / "eval.safetensors")
    lines, check = [], "--check" in sys.argv[1:]
    for method, parameters, merged, expected in cases(nets):
        score = accuracy(merged, evaluation)
        row = {"method": method, "parameters": parameters}
        row["accuracy"] = {k: round(v, 6) for k, v in score.items()}
        row["mean"] = round(float(np.mean(list(score.values()))), 6)
        # What a merge is for: the splits its own members were trained on.
        own = ["clean" if name == "base" else name for name in parameters["models"]]
        row["mean_own"] = round(float(np.mean([score[s] for s in own])), 6)
        lines.append(json.dumps(row))
        if expected and not check:
            (DATA / "expected").mkdir(exist_ok=True)
            # One entry: the writer does not keep the order of several.
            about = {"case": json.dumps({"method": method, "parameters": parameters})}
            path = DATA / "expected" / f"{expected}.safetensors"
            save_file({k: tail(v) for k, v in merged.items()}, path, about)
            path.chmod(0o644)
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    table = DATA / "accuracy.json"
    if not check:
        table.write_text(text)
    elif table.read_text() != text:
        sys.exit(f"{table} differs from what the oracle computes")


if __name__ == "__main__":
    main()
