"""Makes cases.json: what mergers of diffusion models make of small tensors in f32 on the CPU.

Run as `python make.py CHATTIORI SDMEH`, the paths of `merge_modes.py` of Chattiori-Model-Merger (10914d2) and of
`sd_meh/merge_methods.py`, with torch 2.15 and scipy 1.17. supermerger's modes stand in its one function that merges files,
so they are written down here; its filters are scipy's.
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from scipy.ndimage import gaussian_filter, median_filter


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


chattiori, meh = module("chattiori", sys.argv[1]), module("meh", sys.argv[2])
torch.manual_seed(7)
cases = []


def smooth_add(a, b, c, alpha):
    median = median_filter((b - c).numpy(), size=3)
    return a + alpha * torch.tensor(gaussian_filter(median, sigma=1))


def tensor2(a, b, alpha, beta):
    long = a.dim() > 1 and a.shape[1] > 100
    n = a.shape[1] if long else a.shape[0]
    part = (lambda start, end: (slice(None), slice(start, end))) if a.dim() > 1 else slice
    if alpha + beta <= 1:
        out, own, start, end = a.clone(), b, int(n * beta), int(n * (alpha + beta))
    else:
        out, own, start, end = b.clone(), a, int(n * (alpha + beta - 1)), int(n * beta)
    out[part(start, end)] = own[part(start, end)]
    return out


def numbers(tensor):
    # As short as f32 allows.
    return [float(str(x)) for x in tensor.numpy().flatten()]


def case(method, function, shape, count, **parameters):
    base = torch.randn(shape) / 4
    models = [base + torch.randn(shape) / 8 for _ in range(count)]
    merged = function(*models, **parameters)
    cases.append(
        {
            "method": method,
            "parameters": [f"{name}={value}" for name, value in parameters.items()],
            "shape": list(shape),
            "models": [numbers(model) for model in models],
            "merged": numbers(merged),
        }
    )


matrix, kernels, line = (5, 9), (3, 2, 5, 4), (11,)
case("maximum", chattiori.weight_max, matrix, 2)
case("sigmoid_sum", chattiori.sigmoid, matrix, 2, alpha=0.3)
case("add_orthogonal_difference", chattiori.ortho_merge, kernels, 2, alpha=0.7)
case("add_largest_difference", chattiori.sparse_topk, kernels, 2, alpha=0.7, beta=0.33)
for shape in (matrix, kernels, line):
    case("channel_sum", chattiori.channel_cosine_gate, shape, 2, alpha=0.7, beta=3.5)
for shape in (matrix, kernels, (2, 2, 3, 3), (2, 1, 6, 7), (1, 2, 4, 2)):
    case("band_sum", chattiori.freq_band_blend, shape, 2, alpha=0.7, beta=0.25)
case("band_sum", chattiori.freq_band_blend, (1, 1, 8, 8), 2, alpha=0.7, beta=0.4)
for shape in (matrix, kernels, line, (1, 3, 1, 2)):
    case("add_smooth_difference", smooth_add, shape, 3, alpha=0.8)
for shape in (matrix, kernels, line, (2, 103)):
    case("column_slice_sum", tensor2, shape, 2, alpha=0.4, beta=0.3)
    case("column_slice_sum", tensor2, shape, 2, alpha=0.6, beta=0.75)
for shape in (matrix, kernels, line):
    case("distribution_crossover", meh.distribution_crossover, shape, 3, alpha=0.4, beta=0.3)
case("distribution_crossover", meh.distribution_crossover, matrix, 3, alpha=0.4, beta=0.0)
case("distribution_crossover", meh.distribution_crossover, (), 3, alpha=0.3, beta=0.3)

Path(__file__).with_name("cases.json").write_text(json.dumps({"cases": cases}) + "\n")
