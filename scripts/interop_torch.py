"""interop_torch.py - PyTorch and Linnet exchange files, checked live on objects drawn from a seed.

    /usr/bin/python3 scripts/interop_torch.py BUILD [CASES [SEED]]

BUILD is a build with its tests (it holds `convert` and `linnet`); needs Debian's python3-torch. For each
case PyTorch saves an object in one of its ways, then
  - Linnet reads it: names, order, dtypes, shapes and bits are those of PyTorch (by way of safetensors)
  - Linnet writes it as .pt: torch.load(weights_only=True) gives the same, in the same order
  - Linnet reads and writes its own file: the same bytes
Prints the seed and the kind of the first case that fails, keeps its files and exits 1.
"""

import collections
import json
import os
import random
import subprocess
import sys
import tempfile

import torch
from torch import nn

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
WHOLE = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
SAFETENSORS = {
    "F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool,
}


class Custom(nn.Module):
    """A module that Linnet cannot know, with what a state_dict holds and what it does not."""

    def __init__(self, draw):
        super().__init__()
        self.head = network(draw, 1)
        self.tied = self.head
        self.scale = nn.Parameter(torch.randn(3))
        self.nothing = None
        self.register_parameter("empty", None)
        self.register_buffer("kept", torch.arange(4))
        self.register_buffer("left", torch.arange(5), persistent=False)
        self.settings = {"classes": {1, 2}, "device": torch.device("cpu"), "shape": torch.Size([2, 3]),
                         "other": collections.Counter("abc"), "data": b"bytes", "type": nn.Linear,
                         "complex": 1 + 2j}


# ---- what is saved ----

def tensor(draw):
    shape = [draw.choice([0, 1, 1, 2, 3, 5, 8]) for _ in range(draw.choice([0, 1, 1, 2, 2, 2, 3, 4]))]
    dtype = draw.choice(FLOATS + WHOLE + [torch.bool])
    made = torch.randn(shape)
    made = made.to(dtype) if dtype in FLOATS else (made * 50).to(torch.int64).to(dtype)
    if dtype == torch.uint8:
        made = made.abs()
    way = draw.randrange(8)
    if way == 0 and made.dim() >= 2:
        return made.transpose(0, -1)
    if way == 1 and made.dim() >= 1 and made.shape[0] > 2:
        return made[1:-1]
    if way == 2 and made.dim() >= 1 and made.shape[0] > 2:
        return made[::2]
    if way == 3:
        return made.unsqueeze(0).expand(3, *made.shape)
    if way == 4 and dtype in FLOATS:
        return nn.Parameter(made)
    return made


def network(draw, depth=0, width=None):
    """A Sequential of modules that Linnet knows, nested up to twice; rows of one width go through it."""
    parts = []
    width = width or draw.randint(1, 9)
    for _ in range(draw.randint(1, 5)):
        kind = draw.randrange(7)
        if kind == 0 and depth < 2:
            parts.append(network(draw, depth + 1, width))
            width = ([width] + [m.out_features for m in parts[-1].modules() if isinstance(m, nn.Linear)])[-1]
        elif kind < 4:
            parts.append(nn.Linear(width, draw.randint(1, 9), bias=draw.random() < 0.7))
            width = parts[-1].out_features
        else:
            parts.append(draw.choice([nn.ReLU(), nn.ReLU(inplace=True), nn.Dropout(draw.random()),
                                      nn.Flatten(), nn.Identity(), nn.Softmax(dim=-1),
                                      nn.LogSoftmax(dim=1)]))
    if draw.random() < 0.3:
        return nn.Sequential(collections.OrderedDict((f"part{i}", part) for i, part in enumerate(parts)))
    return nn.Sequential(*parts)


def shared(draw):
    base = torch.randn(4, 6)
    return {"whole": base, "t": base.t(), "row": base[2], "part": base[1:3, ::2], "flat": base.view(-1),
            "none": base[:0], "one": base[3, 5], "wide": base[0, 0].expand(7, 2)}


def checkpoint(draw):
    model = network(draw)
    model.add_module("last", nn.Linear(3, 2))
    optimizer = draw.choice([torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
    options = {"momentum": 0.9} if optimizer is torch.optim.SGD else {}
    optimizer = optimizer(model.parameters(), lr=0.1, **options)
    model.last(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": draw.randrange(9),
            "loss": [draw.random() for _ in range(5)], "rng": torch.get_rng_state(), "best": None,
            "note": "caf\u00e9 'quoted'", "seed": 2**63 + draw.randrange(99), "flags": (True, False)}


def attributes(draw):
    """Parameters that carry attributes have a way of their own into the pickle."""
    parameter = nn.Parameter(torch.randn(2, 3))
    parameter.note = "decay"
    plain = torch.randn(4)
    plain.note = [1, 2]
    return {"parameter": parameter, "plain": plain}


KINDS = {
    "tensor": tensor,
    "list": lambda draw: [tensor(draw) for _ in range(draw.randrange(5))],
    "dict": lambda draw: {f"t{i}": tensor(draw) for i in range(draw.randrange(6))},
    "ordered": lambda draw: collections.OrderedDict((f"t{i}", tensor(draw)) for i in range(4)),
    "nested": lambda draw: {"a": {"b": [tensor(draw), (tensor(draw), {3: tensor(draw)})]}, "c": tensor(draw)},
    "shared": shared,
    "state_dict": lambda draw: network(draw).state_dict(),
    "parallel": lambda draw: nn.DataParallel(network(draw)).state_dict(),
    "module": network,
    "linear": lambda draw: nn.Linear(3, 4, bias=draw.random() < 0.5),
    "half": lambda draw: network(draw).to(draw.choice(FLOATS)),
    "custom": Custom,
    "checkpoint": checkpoint,
    "attributes": attributes,
    "norms": lambda draw: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LayerNorm(4)),
}


# ---- what is expected ----

def flatten(value, name=""):
    """(name, tensor) in Linnet's order: state_dict() of modules, keys and indices elsewhere."""
    join = lambda key: f"{name}.{key}" if name else str(key)
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, nn.Module):
        yield from flatten(dict(value.state_dict()), name)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, join(key))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from flatten(inner, join(i))


def bits(value):
    value = value.detach().contiguous()
    return bytes(value.view(-1).view(torch.uint8).tolist()) if value.numel() else b""


def read_safetensors(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    return {name: (SAFETENSORS[entry["dtype"]], entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


# ---- one case ----

def convert(build, source, target):
    subprocess.run([f"{build}/convert", source, target], check=True)


def check(build, work, obj, draw):
    path = {name: f"{work}/{name}" for name in ("saved.pt", "read.safetensors", "again.pt", "third.pth")}
    zipped = draw.random() < 0.6
    torch.save(obj, path["saved.pt"], pickle_protocol=draw.choice([2, 2, 3, 4, 5]),
               _use_new_zipfile_serialization=zipped)
    if zipped and draw.random() < 0.2:
        # As people do who open the archive and pack it again.
        subprocess.run(["sh", "-c", 'mkdir x && cd x && python3 -m zipfile -e ../saved.pt . && rm ../saved.pt '
                        '&& python3 -m zipfile -c ../saved.pt * && cd .. && rm -r x'], cwd=work, check=True)
    expected = list(flatten(obj))
    convert(build, path["saved.pt"], path["read.safetensors"])
    read = read_safetensors(path["read.safetensors"])
    assert sorted(read) == sorted(name for name, _ in expected), f"{sorted(read)}"
    for name, value in expected:
        assert read[name] == (value.dtype, list(value.shape), bits(value)), name

    convert(build, path["saved.pt"], path["again.pt"])
    loaded = torch.load(path["again.pt"], weights_only=True)
    assert type(loaded) is collections.OrderedDict
    assert list(loaded) == [name for name, _ in expected], list(loaded)
    for name, value in expected:
        same = loaded[name].dtype == value.dtype and loaded[name].shape == value.shape
        assert same and bits(loaded[name]) == bits(value), name
    convert(build, path["again.pt"], path["third.pth"])
    with open(path["again.pt"], "rb") as first, open(path["third.pth"], "rb") as second:
        assert first.read() == second.read(), "Linnet's own file comes out otherwise"

    if isinstance(obj, nn.Sequential) and obj.state_dict() and "Norm" not in repr(obj):
        shown = subprocess.run([f"{build}/linnet", "inspect", "--json", path["saved.pt"]], check=True,
                               capture_output=True, text=True)
        assert json.loads(shown.stdout)["model"] == repr(obj), json.loads(shown.stdout)["model"]


def main():
    build = os.path.realpath(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    done = collections.Counter()
    for seed in range(first, first + cases):
        draw = random.Random(seed)
        torch.manual_seed(seed)
        kind = draw.choice(list(KINDS))
        work = tempfile.mkdtemp(prefix="linnet-interop-")
        try:
            check(build, work, KINDS[kind](draw), draw)
        except (AssertionError, subprocess.CalledProcessError, RuntimeError) as problem:
            sys.exit(f"seed {seed}, {kind}: {problem}\nits files: {work}")
        subprocess.run(["rm", "-r", work], check=True)
        done[kind] += 1
    print(f"PyTorch {torch.__version__}: {cases} files both ways:",
          ", ".join(f"{count} {kind}" for kind, count in sorted(done.items())))


if __name__ == "__main__":
    main()
