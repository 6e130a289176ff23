"""Loads what `wgmerge merge --force` leaves in a folder with transformers, and compares it.

    python benches/loaders.py PATH/TO/wgmerge

Two tiny Llama models are written twice each, whole and in shards. A merge goes to a folder in which
an earlier merge of the other form lies, both ways round and in each form over itself; what
`from_pretrained` then reads must be the later merge, bit for bit. Needs torch, transformers and
safetensors; not part of `tests/run`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def write(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    """Writes a random model, whole and in shards, and returns its tensors."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=96,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config).to(torch.float32)
    model.save_pretrained(folder / f"{seed}-whole")
    model.save_pretrained(folder / f"{seed}-shards", max_shard_size="40KB")
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def main() -> None:
    program = Path(sys.argv[1]).resolve()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {seed: write(folder, seed) for seed in (1, 2, 3, 4)}

        def merge(pair: tuple[int, int], form: str, output: Path) -> dict[str, torch.Tensor]:
            """Averages two models. The method's arithmetic is a + (b - a) / 2 in f32."""
            inputs = [folder / f"{seed}-{form}" for seed in pair]
            command = [program, "merge", "-q", "-M", "linear", *inputs, "-o", output, "--force"]
            subprocess.run(command, check=True)
            a, b = (models[seed] for seed in pair)
            return {name: a[name] + (b[name] - a[name]) * 0.5 for name in a}

        for before in ("whole", "shards"):
            for after in ("whole", "shards"):
                output = folder / f"{before}-{after}"
                merge((1, 2), before, output)
                (output / "notes.txt").write_text("kept")
                expected = merge((3, 4), after, output)
                loaded = AutoModelForCausalLM.from_pretrained(output).state_dict()
                assert loaded.keys() == expected.keys(), loaded.keys() ^ expected.keys()
                for key, tensor in expected.items():
                    assert torch.equal(loaded[key], tensor), f"{key} after {before}, {after}"
                assert (output / "notes.txt").read_text() == "kept"
                files = sorted(path.name for path in output.glob("*.safetensors*"))
                print(f"{after} over {before}: {len(loaded)} tensors equal; {', '.join(files)}")


if __name__ == "__main__":
    main()
