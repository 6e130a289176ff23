"""Makes cases.json: what `peft.utils.merge_utils` of PEFT 0.21.2 makes of three task vectors, in f32 on the CPU.

Run as `python make.py PATH/TO/merge_utils.py` with torch installed; the module needs nothing else of PEFT.
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch

spec = importlib.util.spec_from_file_location("merge_utils", sys.argv[1])
peft = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peft)

torch.manual_seed(20)
deltas = [torch.randn(5, 12) / 8 for _ in range(3)]
# The votes of these are even.
deltas[0][0, :4] = torch.tensor([0.25, -0.5, 0.125, 0.0])
deltas[1][0, :4] = torch.tensor([-0.25, 0.5, -0.125, 0.0])
deltas[2][0, :4] = 0.0
weights = torch.tensor([0.7, 1.0, -0.4])
cases = []


def case(method, density, sign=None):
    arguments = {} if sign is None else {"majority_sign_method": sign}
    merged = getattr(peft, method)(deltas, weights, density=density, **arguments)
    parameters = [f"density={density}"] + [f"{key}={value}" for key, value in arguments.items()]
    cases.append({"method": f"peft_{method}", "parameters": parameters, "merged": merged.flatten().tolist()})


case("magnitude_prune", 0.35)
for sign in ("total", "frequency"):
    case("ties", 0.55, sign)
    # Without a drop nothing is random.
    case("dare_ties", 1.0, sign)

data = {
    "shape": list(deltas[0].shape),
    "deltas": [delta.flatten().tolist() for delta in deltas],
    "weights": [0.7, 1.0, -0.4],
    "cases": cases,
}
Path(__file__).with_name("cases.json").write_text(json.dumps(data, indent=1) + "\n")
