"""Runs what `wgmerge run` makes of mergekit's recipes: forward passes and tokenizers.

    python benches/forwards.py PATH/TO/wgmerge [--only REGEX] [--keep FOLDER]

Every recipe for `mergekit-yaml` under `tests/data/mergekit-cases` is merged. What comes out must

- load with `from_pretrained`, without keys that are missing, left over or of another shape,
  unless an input has the same fault,
- give finite logits for the first, the last and some other token ids,
- with a tokenizer: load it, cut a text into the tokens into which mergekit's output does, have a
  row for every token id, and apply the chat template.

The `linear` merge of each input model with itself must give that model's logits, bit for bit.
Recipes that wgmerge refuses are counted and named. Exits with 1 where anything failed. Needs
torch, transformers and safetensors; not part of `tests/run`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

CASES = Path(__file__).resolve().parent.parent / "tests/data/mergekit-cases"
MODELS = CASES / "models"
CUT = "--unsafe-truncate-embeddings"
TEXT = "the cat sat on the mat."
CLASSES = {
    "t5": transformers.AutoModelForSeq2SeqLM,
    "gemma3": transformers.AutoModelForImageTextToText,
}


def load(folder: Path):
    """The model in a folder, and the faults that loading it shows."""
    kind = CLASSES.get(AutoConfig.from_pretrained(folder).model_type, AutoModelForCausalLM)
    # The fused kernels of experts want rows of 16 bytes and more, which tiny models do not have.
    model, loading = kind.from_pretrained(
        folder, output_loading_info=True, experts_implementation="eager"
    )
    faults = {
        f"{what} {key if isinstance(key, str) else key[0]}"
        for what in ("missing_keys", "unexpected_keys", "mismatched_keys")
        for key in loading[what]
    }
    return model.eval(), faults


def logits(model, ids: list[int]) -> torch.Tensor:
    """What the model says after each of some token ids."""
    row = torch.tensor([ids])
    inputs = {"input_ids": row}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = row
    with torch.no_grad():
        return model(**inputs).logits


def some_ids(model) -> list[int]:
    """The first, the last and a few other token ids."""
    rows = model.get_input_embeddings().weight.shape[0]
    return sorted({0, 1, rows // 3, rows // 2, rows - 2, rows - 1})


def tokenizer_faults(folder: Path, model, config: dict, cut: bool) -> list[str]:
    """What is wrong with the tokenizer that lies beside a model.

    Where the recipe was told to cut embeddings (`cut`), tokens without a row are what was asked
    for.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    recipe, golden = CASES / f"yaml/{folder.name}.yaml", CASES / "out" / folder.name
    rows = model.get_input_embeddings().weight.shape[0]
    top = max(tokenizer.get_vocab().values())
    found = []
    if top >= rows and not cut:
        found.append(f"token id {top} has no row: the embedding has {rows}")
    if config["vocab_size"] != rows:
        found.append(f"vocab_size {config['vocab_size']}, but the embedding has {rows} rows")
    ids = tokenizer(TEXT)["input_ids"]
    if not ids or max(ids) >= rows:
        return [*found, f"{TEXT!r} is encoded as {ids}, of {rows} rows"]
    if not torch.isfinite(logits(model, ids)).all():
        found.append("logits of an encoded text are not finite")
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        at = config.get(name)
        if isinstance(at, int) and at >= rows:
            found.append(f"{name} {at} has no row")
    # Without a base, mergekit takes the tokenizer of any of the models.
    expected = AutoTokenizer.from_pretrained(golden).tokenize(TEXT)
    tokens = tokenizer.tokenize(TEXT)
    if tokens != expected and "base_model:" in recipe.read_text():
        found.append(f"{TEXT!r} becomes {tokens}, with mergekit {expected}")
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": "the cat"}]
        tokenizer.apply_chat_template(turns, tokenize=False)
    return found


def faults(folder: Path, inputs: list[str], flags: list[str]) -> list[str]:
    """What is wrong with a merged model."""
    model, found = load(folder)
    if found:
        for name in inputs:
            if (MODELS / name / "config.json").exists():
                found -= load(MODELS / name)[1]
    found = sorted(found)
    if not torch.isfinite(logits(model, some_ids(model))).all():
        found.append("logits are not finite")
    config = json.loads((folder / "config.json").read_text())
    if (folder / "tokenizer.json").exists():
        found += tokenizer_faults(folder, model, config, CUT in flags)
    return found


def merge(program: Path, recipe: Path, output: Path, flags: list[str]) -> str | None:
    """Merges; the first line of the error where wgmerge refuses."""
    command = [program, "run", "-q", recipe, "-o", output, *flags]
    done = subprocess.run(command, cwd=MODELS, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode else None


def with_itself(program: Path, name: str, scratch: Path) -> list[str]:
    """What differs between a model and the `linear` merge of it with itself."""
    output = scratch / "itself" / name
    output.parent.mkdir(parents=True, exist_ok=True)
    copy = output.with_name(output.name + "-copy")  # a model given twice is refused
    shutil.copytree(MODELS / name, copy)
    recipe = output.with_name(output.name + ".yaml")
    both = (MODELS / name, copy)
    entries = "".join(f"  - {{model: {at}, parameters: {{weight: 0.5}}}}\n" for at in both)
    recipe.write_text(f"merge_method: linear\nmodels:\n{entries}")
    if refused := merge(program, recipe, output, []):
        return [f"refused: {refused}"]
    (before, known), (after, new) = load(MODELS / name), load(output)
    found = sorted(new - known)
    expected, got = (logits(model, some_ids(before)) for model in (before, after))
    if not torch.equal(expected, got):
        found.append(f"logits differ by up to {(expected - got).abs().max():.3g}")
    return found


def recipes(only: str):
    """Names, recipes, flags and inputs of the cases that `mergekit-yaml` can be asked for."""
    for name, case in json.loads((CASES / "cases.json").read_text()).items():
        words = case.get("command", "").split()
        fit = words[:1] == ["mergekit-yaml"] and "output" in case and re.search(only, name)
        if fit and case["topic"] != "error":
            kept = (CUT, "--random-seed", "--out-shard-size")
            pairs = zip(words[2:], words[3:])
            flags = [word for before, word in pairs if word in kept or before in kept[1:]]
            yield name, CASES / case["yaml"], flags, case["inputs"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="the wgmerge binary")
    parser.add_argument("--only", default="", help="only what this regular expression finds")
    parser.add_argument("--keep", type=Path, help="write into this new folder, and leave it there")
    options = parser.parse_args()
    program = options.program.resolve()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    good, bad, refused = 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        scratch = options.keep or Path(name)
        scratch.mkdir(exist_ok=True)

        def tell(name: str, check) -> None:
            nonlocal good, bad
            try:
                found = check()
            except Exception as error:  # whatever a loader says is the answer
                found = [f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"]
            good, bad = good + (not found), bad + bool(found)
            for fault in found:
                print(f"{name}: {fault}")

        for case, recipe, flags, inputs in recipes(options.only):
            output = scratch / case
            if why := merge(program, recipe, output, flags):
                refused.append(f"{case}: {why}")
            else:
                tell(case, lambda: faults(output, inputs, flags))
        for config in sorted(MODELS.glob("**/config.json")):
            model = str(config.parent.relative_to(MODELS))
            if re.search(options.only, model):
                tell(f"{model} with itself", lambda: with_itself(program, model, scratch))
    print(f"{good} good, {bad} with faults, {len(refused)} refused by wgmerge", *refused, sep="\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
