"""Writes the files beside this one: what torch.save makes, and what torch.load gives as safetensors.

Run with torch 2.x, safetensors and numpy: python tests/data/torch/make.py
"""

import collections
import json
import os
import pathlib
import pickle
import shutil
import zipfile

import numpy
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
torch.manual_seed(1)


def values(dtype, *shape):
    if dtype == torch.bool:
        return torch.rand(shape) > 0.5
    if dtype.is_complex:
        return torch.randn(shape, dtype=dtype)
    if dtype.is_floating_point:
        return torch.randn(shape).to(dtype)
    count = torch.Size(shape).numel()
    return torch.randint(0, 120, (count,), dtype=torch.int64).to(dtype).reshape(shape)


OLD = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8",
       "bool"]
NEW = ["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]
# Read, but no numbers to merge.
OPAQUE = ["complex64", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


def dtypes(names):
    made = {f"all.{name}": values(getattr(torch, name), 3, 5) for name in names}
    made["scalar"] = torch.tensor(2.5)
    made["empty"] = torch.zeros(0, 4)
    made["one"] = torch.ones(1, 1, 3, 1)
    return made


def layouts():
    matrix = values(torch.float32, 12, 10)
    cube = values(torch.float16, 4, 6, 5)
    images = values(torch.bfloat16, 3, 4, 5, 6)
    shared = values(torch.float32, 40)
    made = {
        "transposed": matrix.t(),
        "whole": matrix,
        "rows": matrix[3:7],
        "columns": matrix[:, 2:5],
        "every_third_column": matrix[:, ::3],
        "corner": matrix[2:9:2, 1:9:4],
        "permuted": cube.permute(2, 0, 1),
        "inner_swapped": cube.transpose(1, 2),
        "channels_last": images.contiguous(memory_format=torch.channels_last),
        "expanded_rows": values(torch.float32, 1, 7).expand(5, 7),
        "expanded_columns": values(torch.int64, 4, 1).expand(4, 6),
        "expanded_scalar": torch.tensor(1.5).expand(3, 3),
        "first_half": shared[:20],
        "second_half": shared[20:].view(4, 5),
        "overlapping": shared.as_strided((5, 8), (4, 1)),
        "diagonal": matrix.diagonal(),
        "large": values(torch.float32, 90, 70).t(),
        "empty_view": matrix[:, 4:4],
    }
    made["tied"] = made["whole"]
    return made


def expect(name, tensors):
    """A tensor is written with bytes of its own, in order."""
    fresh = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    save_file(fresh, HERE / f"{name}.safetensors")


def save(name, value, **options):
    torch.save(value, HERE / name, **options)


def rezip(source, target, change):
    """The archive again, member by member through `change`."""
    with zipfile.ZipFile(HERE / source) as old, zipfile.ZipFile(HERE / target, "w") as new:
        for member in old.infolist():
            name, data, method = change(member.filename, old.read(member))
            if name is not None:
                new.writestr(zipfile.ZipInfo(name), data, method)


class Evil:
    def __reduce__(self):
        return (os.system, ("echo harm",))


def formats():
    save("dtypes.pt", dtypes(OLD + NEW))
    expect("dtypes", torch.load(HERE / "dtypes.pt"))
    save("opaque.pt", dtypes(OPAQUE))
    expect("opaque", torch.load(HERE / "opaque.pt"))
    save("layouts.pth", layouts())
    expect("layouts", torch.load(HERE / "layouts.pth"))
    legacy = dict(dtypes(OLD), **layouts())
    save("legacy.bin", legacy, _use_new_zipfile_serialization=False)
    expect("legacy", torch.load(HERE / "legacy.bin"))
    small = {"a": values(torch.float32, 2, 3), "b": values(torch.float16, 4).view(2, 2).t()}
    expect("small", small)
    save("small.pt", small)
    for protocol in [1, 3, 4, 5]:
        save(f"protocol{protocol}.pt", small, pickle_protocol=protocol)
        save(f"legacy{protocol}.pt", small, pickle_protocol=protocol,
             _use_new_zipfile_serialization=False)


def training():
    layer = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    state = layer.state_dict()
    average = {key: value * 0.5 for key, value in state.items()}
    expect("state", state)
    expect("average", average)
    lightning = {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint": {
            "best_model_score": torch.tensor(0.25),
            "current": numpy.float64(0.5),
            "best_k_models": collections.defaultdict(int, {"a": 1}),
        }},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"milestones": collections.Counter([3, 5]), "device": torch.device("cpu"),
                           "size": torch.Size([2, 3]), "dtype": torch.float16}],
    }
    save("lightning.ckpt", lightning)
    save("model.pt", {"ema": average, "model": state, "opt": optimizer.state_dict(), "step": 7})
    save("params.pth", {"params_ema": average, "params": state})
    save("only_ema.pth", {"params_ema": average, "optimizer": optimizer.state_dict()})
    save("module.pt", {"module": state, "optimizer": None, "dp_world_size": 1})
    save("one_dict.pt", {"generator": state, "optim_g": optimizer.state_dict()})
    save("two_dicts.pt", {"encoder": {"w": torch.ones(2)}, "decoder": {"w": torch.zeros(3)}})
    expect("two_dicts", {"encoder.w": torch.ones(2), "decoder.w": torch.zeros(3)})
    plain = torch.nn.Parameter(values(torch.float32, 2, 2))
    marked = torch.nn.Parameter(values(torch.float16, 3))
    marked.partition_dim = 0
    tensor = values(torch.float32, 2)
    tensor.mark = "x"
    parameters = {"plain": plain, "marked": marked, "tensor": tensor}
    save("parameters.pt", parameters)
    expect("parameters", parameters)


def folders():
    folder = HERE / "shards"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tensors = {f"layer.{n}.weight": values(torch.bfloat16, 4, 3) for n in range(4)}
    names = list(tensors)
    files = [f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)]
    parts = [names[:2], names[2:]]
    for file, part in zip(files, parts):
        torch.save({name: tensors[name] for name in part}, folder / file)
    index = {"metadata": {"total_size": 96},
             "weight_map": {name: file for file, part in zip(files, parts) for name in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1))
    expect("shards", tensors)


def refused():
    save("evil.pt", {"a": torch.ones(1), "b": Evil()})
    (HERE / "evil_pickle.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    save("object.pt", torch.nn.Linear(2, 2))
    # The format tells a module's source and the path of it, which is that of one machine.
    torch.serialization.get_source_lines_and_file = lambda kind: (["pass\n"], 0, "linear.py")
    save("object_legacy.pt", torch.nn.Linear(2, 2), _use_new_zipfile_serialization=False)
    script = torch.jit.script(torch.nn.Linear(2, 2))
    torch.jit.save(script, str(HERE / "script.pt"))
    save("complex128.pt", {"a": torch.ones(1), "z": values(torch.complex128, 2)})
    save("quantised.pt", {"q": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})
    save("sparse.pt", {"s": torch.eye(3).to_sparse()})
    save("array.pt", {"a": torch.ones(1), "n": numpy.ones(3)})
    save("conjugated.pt", {"z": values(torch.complex64, 2).conj()})
    save("lone.pt", torch.ones(3))
    save("nothing.pt", {"epoch": 3})
    store = zipfile.ZIP_STORED
    rezip("small.pt", "compressed.pt", lambda name, data: (name, data, zipfile.ZIP_DEFLATED))
    rezip("small.pt", "big_endian.pt", lambda name, data: (
        name, b"big" if name.endswith("byteorder") else data, store))
    rezip("small.pt", "lacking.pt", lambda name, data: (
        None if name.endswith("/data/0") else name, data, store))
    rezip("small.pt", "short.pt", lambda name, data: (
        name, data[:-1] if name.endswith("/data/0") else data, store))
    rezip("small.pt", "no_pickle.pt", lambda name, data: (
        None if name.endswith("data.pkl") else name, data, store))


if __name__ == "__main__":
    formats()
    training()
    folders()
    refused()
