"""Merges by wgmerge beside the same merges by mergekit: time, memory, and whether they agree.

    python benches/mergekit.py --wgmerge PATH --mergekit PATH/TO/mergekit-yaml --data FOLDER

Inputs are made in FOLDER (7 GB, and as much again for outputs while it runs) and kept there. Runs
of the two programs alternate, with a warm page cache; each merge of ours is run three times, those
of mergekit as often as `--mergekit-runs` says. Printed are medians, ratios, and the goals. Without
--mergekit only ours are run. Exits with 1 where outputs do not agree; missed goals are no failure,
machines differ. Needs numpy, and Linux.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import agreement
import inputs
from measured import Run, run

MIB = 1 << 20


@dataclass
class Case:
    """A recipe for both programs, and what is wanted of it."""

    name: str
    models: Callable[[Path], list[Path]]
    """Makes the inputs in a folder."""
    recipe: str
    goal: str
    reached: Callable[["Outcome"], bool]
    beside: str = ""
    """Another recipe for the same models that ours is compared with."""
    plan: bool = False
    """Only plan; mergekit has nothing like it."""
    alone: bool = False
    """Ours only: mergekit takes many minutes for it."""


@dataclass
class Outcome:
    """The medians of a case."""

    ours: Run
    theirs: Run | None
    beside: Run | None

    def faster(self) -> float:
        return self.theirs.seconds / self.ours.seconds if self.theirs else float("nan")

    def smaller(self) -> float:
        return self.theirs.resident / self.ours.resident if self.theirs else float("nan")

    def longer(self) -> float:
        return self.ours.seconds / self.beside.seconds if self.beside else float("nan")


NAMES = ("base", "a", "b")


def whole(data: Path) -> list[Path]:
    folder = data / f"llama-{inputs.TINY_LLAMA['layers']}"
    return [inputs.model(folder / m, inputs.TINY_LLAMA, n) for n, m in enumerate(NAMES)]


def many(data: Path) -> list[Path]:
    return [inputs.model(data / "many" / m, inputs.MANY, n) for n, m in enumerate(NAMES)]


def tokens(data: Path) -> list[Path]:
    """The models of `whole`, each with a tokenizer of its own."""
    found = []
    for number, model in enumerate(whole(data)):
        folder = data / f"{model.parent.name}-tokens" / model.name
        if not (folder / "tokenizer_config.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("config.json", "model.safetensors"):
                if not (folder / name).exists():
                    os.link(model / name, folder / name)
            inputs.tokenizer(folder, number, inputs.TINY_LLAMA["rows"])
        found.append(folder)
    return found


def sparse(data: Path) -> list[Path]:
    return [inputs.sparse(data / "sparse" / name) for name in "ab"]


TIES = """merge_method: ties
base_model: {0}
models:
  - {{model: {1}, parameters: {{weight: 0.6, density: 0.2}}}}
  - {{model: {2}, parameters: {{weight: 0.5, density: 0.2}}}}
"""
LINEAR = """merge_method: linear
models:
  - {{model: {1}, parameters: {{weight: 0.6}}}}
  - {{model: {2}, parameters: {{weight: 0.4}}}}
"""
BASED = LINEAR + "base_model: {1}\n"
TWO = LINEAR.replace("{1}", "{0}").replace("{2}", "{1}")

CASES = [
    Case(
        "ties", whole, TIES, "30 x faster, 1/40 of the memory",
        lambda got: got.faster() >= 30 and got.smaller() >= 40,
    ),
    Case("linear", whole, LINEAR, "12 x faster", lambda got: got.faster() >= 12),
    Case(
        "8,004 tensors, linear", many, LINEAR, "under 1.5 s",
        lambda got: got.ours.seconds < 1.5, alone=True,
    ),
    Case(
        "8,004 tensors, ties", many, TIES, "under 1.5 s",
        lambda got: got.ours.seconds < 1.5, alone=True,
    ),
    Case(
        "union of tokens", tokens, BASED + "tokenizer_source: union\n",
        "at most 1.3 x the time without", lambda got: got.longer() <= 1.3, beside=BASED,
    ),
    Case(
        "plan of 2 x 1.5 TB", sparse, TWO, "under 2 s and 100 MiB",
        lambda got: got.ours.seconds < 2 and got.ours.resident < 100 * MIB, plan=True,
    ),
]  # fmt: skip


def warm(models: list[Path]) -> None:
    """Reads the inputs, so that whoever runs first has no disadvantage, and settles the disk."""
    os.sync()
    for model in models:
        for path in model.glob("*.safetensors"):
            with open(path, "rb", buffering=0) as file:
                while file.read(8 * MIB):
                    pass


def middle(runs: list[Run]) -> Run | None:
    """The medians of some runs."""
    fields = Run.__dataclass_fields__
    return Run(**{f: median(getattr(r, f) for r in runs) for f in fields}) if runs else None


class Bench:
    """Runs cases, and keeps whether all outputs agreed."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.agreed = True

    def ours(self, case: Case, recipe: Path, output: Path) -> Run:
        """One run of wgmerge."""
        words = ["plan", recipe] if case.plan else ["run", "-q", recipe, "-o", output]
        shutil.rmtree(output, ignore_errors=True)
        words = [self.options.wgmerge, *words]
        if self.options.memory and not case.plan:
            words += ["--memory", self.options.memory]
        return run(words, self.options.data / "wgmerge.log")

    def theirs(self, recipe: Path, output: Path, copies: bool) -> Run:
        """One run of mergekit."""
        shutil.rmtree(output, ignore_errors=True)
        words = [self.options.mergekit, recipe, output, "--no-write-model-card"]
        words += [] if copies else ["--no-copy-tokenizer"]
        return run(words, self.options.data / "mergekit.log")

    def case(self, case: Case) -> None:
        """Makes the inputs of a case, runs and reports it."""
        data = self.options.data
        models = case.models(data)
        recipe, plain = data / "recipe.yaml", data / "beside.yaml"
        recipe.write_text(case.recipe.format(*models))
        plain.write_text(case.beside.format(*models))
        before = os.getloadavg()[0]
        ours, theirs, beside = [], [], []
        mine, other = data / "out-wgmerge", data / "out-mergekit"
        both = self.options.mergekit and not case.plan and not case.alone
        for turn in range(max(self.options.runs, self.options.mergekit_runs)):
            if both and turn < self.options.mergekit_runs:
                warm(models)
                theirs.append(self.theirs(recipe, other, case.models is tokens))
            if turn < self.options.runs and case.beside:
                warm(models)
                beside.append(self.ours(case, plain, mine))
            if turn < self.options.runs:
                if not case.plan:
                    warm(models)
                ours.append(self.ours(case, recipe, mine))
        got = Outcome(middle(ours), middle(theirs), middle(beside))
        report(case, got, ours, (before, os.getloadavg()[0]))
        if theirs:
            fine, lines = agreement.compare(mine, other)
            self.agreed &= fine
            print(*(f"  {line}" for line in lines), sep="\n", flush=True)
        for folder in (mine, other):
            shutil.rmtree(folder, ignore_errors=True)


def report(case: Case, got: Outcome, ours: list[Run], load: tuple[float, float]) -> None:
    """Prints what a case took."""
    print(f"\n{case.name}")
    for who, one in (("wgmerge", got.ours), ("without", got.beside), ("mergekit", got.theirs)):
        if one:
            print(
                f"  {who:8} {one.seconds:8.2f} s, {one.user:.2f} + {one.system:.2f} s of CPU, "
                f"{one.resident / MIB:.0f} MiB resident, {one.anonymous / MIB:.0f} MiB anonymous"
            )
    times = ", ".join(f"{one.seconds:.2f}" for one in ours)
    print(f"  wgmerge's runs: {times} s; load {load[0]:.1f} before, {load[1]:.1f} after")
    if got.theirs:
        work = (got.theirs.user + got.theirs.system) / (got.ours.user + got.ours.system)
        print(
            f"  {got.faster():.1f} x faster, 1/{work:.0f} of the CPU seconds, "
            f"1/{got.smaller():.0f} of the resident and "
            f"1/{got.theirs.anonymous / got.ours.anonymous:.0f} of the anonymous memory"
        )
    if got.beside:
        cpu = (got.ours.user + got.ours.system) / (got.beside.user + got.beside.system)
        print(f"  {got.longer():.2f} x the time without, {cpu:.2f} x the CPU seconds")
    if case.goal:
        known = got.theirs or "faster" not in case.goal
        answer = "reached" if known and case.reached(got) else "missed" if known else "not known"
        print(f"  goal: {case.goal}: {answer}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wgmerge", type=lambda at: Path(at).resolve(), required=True)
    parser.add_argument("--mergekit", type=Path, help="mergekit-yaml of mergekit 0.1.5")
    parser.add_argument("--data", type=lambda at: Path(at).resolve(), required=True)
    parser.add_argument("--only", default="", help="cases whose names begin so; commas between")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mergekit-runs", type=int, default=1)
    parser.add_argument("--memory", help="the budget of wgmerge, as its flag takes it")
    parser.add_argument("--layers", type=int, default=22, help="fewer where there is little time")
    options = parser.parse_args()
    inputs.TINY_LLAMA["layers"] = options.layers
    options.data.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    bench = Bench(options)
    wanted = options.only.split(",")
    for case in CASES:
        if case.name.startswith(tuple(wanted)):
            bench.case(case)
    return 0 if bench.agreed else 1


if __name__ == "__main__":
    sys.exit(main())
