"""Measures every method that flags can name against reading and writing alone.

    python benches/methods.py --wgmerge target/release/wgmerge --data DIR > benches/methods.tsv

Makes its inputs in `--data` and keeps them: a base and three fine-tunes of it, 16 matrices in bf16.
A line is a method, how many models were merged, and the least ratio of `--runs` runs: the report's
`floor_ratio`, the time as a multiple of that in which some read was under way, or a write, in that
very run. Methods that merge differences only are not measured. Needs numpy.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy

MATRICES, SHAPE = 16, (2048, 2048)
FINE_TUNES = "abc"


def bf16(values: numpy.ndarray) -> bytes:
    bits = values.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def write(path: Path, number: int) -> None:
    if path.exists():
        return
    size = SHAPE[0] * SHAPE[1] * 2
    names = [f"layers.{at}.weight" for at in range(MATRICES)]
    entries = {
        name: {"dtype": "BF16", "shape": SHAPE, "data_offsets": [at * size, (at + 1) * size]}
        for at, name in enumerate(names)
    }
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for at in range(MATRICES):
            values = numpy.random.default_rng(at).normal(0, 0.02, SHAPE)
            if number:
                values += numpy.random.default_rng([at, number]).normal(0, 1e-3, SHAPE)
            file.write(bf16(values))


def call(words: list) -> dict | list | None:
    done = subprocess.run(list(map(str, words)), capture_output=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wgmerge", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    args.data.mkdir(parents=True, exist_ok=True)
    base = args.data / "base.safetensors"
    write(base, 0)
    tunes = [args.data / f"{name}.safetensors" for name in FINE_TUNES]
    for number, path in enumerate(tunes, 1):
        write(path, number)
    print("# by benches/methods.py: method, models, time as a multiple of reading and writing")
    known = set()
    for method in call([args.wgmerge, "methods", "--json"]):
        if method["kind"] != "method" or method["id"] in known:
            continue
        known.add(method["id"])
        based = ["-b", base] if method["base"] == "required" else []
        most = method["models_max"] or len(tunes)
        count = max(method["models_min"], min(2, most))
        models = tunes[:count]
        merge = ["-M", method["id"], *based, *models, "--device", "cpu", "--json"]
        output = args.data / "out.safetensors"
        ratios = []
        for _ in range(args.runs):
            command = [args.wgmerge, "merge", *merge, "-o", output, "--force"]
            report = call(command)
            if report is None:
                break
            ratios.append(report["floor_ratio"])
        if ratios:
            ratio = min(ratios)
            print(method["id"], len(models) + bool(based), f"{ratio:.2f}", sep="\t", flush=True)
        else:
            print(f"{method['id']}: not measured", file=sys.stderr)


if __name__ == "__main__":
    main()
