"""Writes cases.json: what the code of the papers makes of small task vectors, in f64.

Each function repeats what the authors' code does to one tensor:
  TSV-M      AntoAndGar/task_singular_vectors, compute_and_sum_svd_mem_reduction
  Iso-C/CTS  danielm1405/iso-merging, iso_c and iso_cts
  STAR       IBM/STAR, merger/STAR.py, then the mean (merger/simple_avg.py)
  KnOTS      gstoica27/KnOTS, SVDMerger with s_on_V and ties_masking, as its configs have it; there
             TIES ranges over all tensors, here over one
"""

import json
import pathlib

import torch

LAMBDA = 0.7


def mean(deltas):
    return sum(deltas) / len(deltas)


def svd(matrix):
    return torch.linalg.svd(matrix, full_matrices=False)


def orthonormal(matrix):
    u, _, v = svd(matrix)
    return u @ v


def tsv_m(deltas):
    if deltas[0].dim() != 2:
        return mean(deltas)
    share = 1 / len(deltas)
    count = int(min(deltas[0].shape) * share)
    if count == 0:
        # The authors' code adds nothing here.
        return mean(deltas)
    parts = [svd(delta) for delta in deltas]
    u = torch.cat([u[:, :count] for u, _, _ in parts], dim=1)
    s = torch.cat([s[:count] for _, s, _ in parts])
    v = torch.cat([v[:count] for _, _, v in parts])
    return orthonormal(u) @ torch.diag(s) @ orthonormal(v)


def iso_c(deltas):
    if deltas[0].dim() != 2:
        return mean(deltas)
    u, s, v = svd(sum(deltas))
    return u @ torch.diag(torch.ones_like(s) * s.mean()) @ v


def iso_cts(deltas, common_space_fraction=0.8):
    if deltas[0].dim() != 2:
        return mean(deltas)
    directions, tasks = min(deltas[0].shape), len(deltas)
    common = int(directions * common_space_fraction)
    common = directions - round((directions - common) / tasks) * tasks
    if common < 0:
        return None
    u, s, v = (part[:common] for part in (lambda u, s, v: (u.T, s, v))(*svd(sum(deltas))))
    own = (directions - common) // tasks
    lefts, values, rights = [], [], []
    for delta in deltas:
        beside_u, beside_s, beside_v = svd(delta - u.T @ u @ delta)
        lefts.append(beside_u[:, :own])
        values.append(beside_s[:own])
        rights.append(beside_v[:own])
    left, right = torch.cat([*lefts, u.T], dim=1), torch.cat([*rights, v])
    mean_value = torch.cat([*values, s]).mean()
    return orthonormal(left) @ orthonormal(right) * mean_value


def star(deltas, eta=0.4):
    if deltas[0].dim() < 2:
        return mean(deltas)
    kept = []
    for delta in deltas:
        u, s, v = svd(delta.flatten(1))
        total = s.sum()
        rank = torch.searchsorted(torch.cumsum(s, 0), total * eta).item() + 1
        scaled = total / s[:rank].sum() * s[:rank]
        kept.append((u[:, :rank] @ torch.diag(scaled) @ v[:rank]).reshape(delta.shape))
    return mean(kept)


def knots_ties(deltas, density=0.2):
    if deltas[0].dim() < 2:
        return mean(deltas)
    shape, tasks = deltas[0].shape, len(deltas)
    u, s, v = svd(torch.cat([delta.flatten(1) for delta in deltas], dim=1))
    u, v, s = u[:, s > 1e-5], v[s > 1e-5], s[s > 1e-5]
    parts = torch.split(torch.diag(s) @ v, v.shape[1] // tasks, dim=1)
    vectors = torch.vstack([part.reshape(-1) for part in parts])
    length = vectors.shape[1]
    if density < 1:
        least, _ = vectors.abs().kthvalue(length - int(length * density), dim=1, keepdim=True)
        vectors = vectors * (vectors.abs() >= least)
    signs = torch.sign(vectors.sum(dim=0))
    signs[signs == 0] = torch.sign(signs.sum())
    vectors = vectors * torch.where(signs.unsqueeze(0) > 0, vectors > 0, vectors < 0)
    merged = vectors.sum(dim=0) / torch.clamp((vectors != 0).sum(dim=0), min=1)
    return (u @ merged.reshape(parts[0].shape)).reshape(shape)


SHAPES = {
    "wide": [5, 8],
    "tall": [9, 6],
    "square": [6, 6],
    "thin": [12, 10],
    "kernel": [4, 2, 3, 3],
    "pointwise": [6, 5, 1, 1],
    "line": [6],
    "row": [1, 7],
    "column": [7, 1],
    "few": [2, 9],
}
CASES = [
    (tsv_m, {}),
    (iso_c, {}),
    (iso_cts, {}),
    (iso_cts, {"common_space_fraction": 0.3}),
    (star, {}),
    (star, {"eta": 0.75}),
    (knots_ties, {}),
    (knots_ties, {"density": 0.6}),
    (knots_ties, {"density": 1.0}),
]


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.float().reshape(-1).tolist()]


def main():
    torch.manual_seed(7)
    draw = {}
    for name, shape in SHAPES.items():
        base = torch.randn(shape)
        deltas = [0.25 * torch.randn(shape) for _ in range(3)]
        if name == "thin":
            # What adapters of rank 2 add, so that most directions are noise.
            factors = [(torch.randn(12, 2), torch.randn(2, 10)) for _ in range(3)]
            deltas = [0.05 * b @ a for b, a in factors]
        draw[name] = (base, [base + delta for delta in deltas])
    cases = []
    for method, parameters in CASES:
        out = {}
        for name, (base, models) in draw.items():
            deltas = [model.double() - base.double() for model in models]
            if name == "thin" and method not in (star, knots_ties):
                # Noise would choose the directions.
                continue
            merged = method(deltas, **parameters)
            if merged is not None:
                out[name] = numbers(base.double() + LAMBDA * merged)
        given = {**parameters, "lambda": LAMBDA}
        cases.append({"method": method.__name__, "parameters": given, "out": out})
    golden = {
        "shapes": SHAPES,
        "base": {name: numbers(base) for name, (base, _) in draw.items()},
        "models": [
            {name: numbers(models[at]) for name, (_, models) in draw.items()} for at in range(3)
        ],
        "cases": cases,
    }
    path = pathlib.Path(__file__).with_name("cases.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
