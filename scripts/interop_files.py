"""interop_files.py - weights that PyTorch saved run in Linnet, and what Linnet writes opens in PyTorch and
NumPy, checked live on networks drawn from a seed.

    /usr/bin/python3 scripts/interop_files.py BUILD [CASES [SEED]]

BUILD is a build (it holds `linnet`); needs Debian's python3-torch and python3-numpy. For each case PyTorch
saves a network's state_dict plain, as a checkpoint's entry, or as DataParallel names it, in one of four
dtypes, then
  - `linnet predict FILE --model TEXT` gives PyTorch's class probabilities within 1e-6
  - `linnet convert` makes a .pt of it that torch.load(weights_only=True) opens with the same names, order
    and values, the same bytes twice, and that predicts the same bits as before; an .npz for NumPy; and a
    model out of that .npz again
  - what `linnet inspect` proposes loads the state_dict in PyTorch (strict=True)
  - a hub's folder with that network's width in its head gives the head's probabilities within 1e-6
  - where names or shapes do not fit, Linnet says what load_state_dict says, word for word
Prints the seed of the first case that fails, keeps its files and exits 1.
"""

import collections
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy
import torch
from torch import nn

ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.GELU, nn.Sigmoid, nn.ELU, nn.SiLU, nn.LeakyReLU]


def network(draw):
    """Linear layers with activations and Dropout between, named by number or by word, nested or not."""
    width, parts = draw.randint(1, 40), []
    for _ in range(draw.randint(1, 4)):
        if draw.random() < 0.4:
            parts.append(nn.Dropout(draw.random()))
        parts.append(nn.Linear(width, draw.randint(2, 40), bias=draw.random() < 0.8))
        width = parts[-1].out_features
        parts.append(draw.choice(ACTIVATIONS)())
    parts = parts[:-1] if draw.random() < 0.8 else parts
    if draw.random() < 0.3:
        parts = [nn.Sequential(*parts), nn.Linear(width, 3)]
    if draw.random() < 0.3:
        return nn.Sequential(collections.OrderedDict((f"part{i}", part) for i, part in enumerate(parts)))
    return nn.Sequential(*parts)


def save(draw, net, path):
    """Saves the state_dict in one of the ways; returns Linnet's options for it."""
    state, options = net.state_dict(), []
    way = draw.randrange(4)
    if way == 1:
        state = nn.DataParallel(net).state_dict()
        options = ["--prefix", draw.choice(["module", "module."])]
    elif way == 2:
        key = draw.choice(["state_dict", "model", "model_state_dict"])
        state, options = {"epoch": 3, key: state, "rng": torch.get_rng_state()}, ["--key", key]
    elif way == 3:
        state = {"net": {"encoder.w": torch.zeros(2, 3, 4), **{f"head.{k}": v for k, v in state.items()}}}
        options = ["--key", "net", "--prefix", "head."]
    torch.save(state, path, _use_new_zipfile_serialization=draw.random() < 0.7)
    return options


def linnet(build, *arguments, code=0):
    done = subprocess.run([f"{build}/linnet", *arguments], capture_output=True, text=True)
    assert done.returncode == code, f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def same_weights(loaded, state):
    assert list(loaded) == list(state), f"{list(loaded)} != {list(state)}"
    for name, value in state.items():
        assert torch.equal(torch.as_tensor(loaded[name]), value.float()), name


def probabilities(build, work, name, *options):
    linnet(build, "predict", name, f"{work}/x.npy", "-o", f"{work}/p.npy", *options)
    return numpy.load(f"{work}/p.npy")


def check_proposal(build, path, options, state):
    shown = json.loads(linnet(build, "inspect", "--json", path, *options).stdout)["proposal"]
    text = shown["model"].split(" = ")[-1]
    net = eval(text, {**vars(nn), "OrderedDict": collections.OrderedDict})
    prefix = shown["model"][:-len(text)].replace(" = ", ".")
    net.load_state_dict({name[len(prefix):]: value for name, value in state.items()})


def check_misfit(build, draw, work, net, state):
    """Some keys go, some come, some have other shapes."""
    wrong = collections.OrderedDict()
    for name, value in state.items():
        way = draw.randrange(5)
        if way == 1:
            wrong[name + "_old"] = value
        elif way == 2:
            wrong[name] = torch.zeros([size + 1 for size in value.shape])
        elif way > 2:
            wrong[name] = value
    torch.save(wrong, f"{work}/wrong.pt")
    try:
        net.load_state_dict(wrong)
    except RuntimeError as problem:
        said = linnet(build, "predict", f"{work}/wrong.pt", f"{work}/x.npy", "--model", str(net), code=1)
        expected = f"linnet: {work}/wrong.pt: {problem}\n"
        if len(str(problem)) < 1000:  # a longer one is cut
            assert said.stderr == expected, f"{said.stderr}\n{expected}"


def check_hub(build, draw, work, x):
    """A head of transformers or sentence-transformers beside weights of a backbone."""
    width, classes = x.shape[1], draw.randint(2, 9)
    dense, out, plain = nn.Linear(width, width), nn.Linear(width, classes), nn.Linear(width, classes)
    config, net, layers = draw.choice([
        ({"model_type": "roberta"}, nn.Sequential(dense, nn.Tanh(), out),
         {"classifier.dense": dense, "classifier.out_proj": out}),
        ({"model_type": "electra"}, nn.Sequential(dense, nn.GELU(), out),
         {"classifier.dense": dense, "classifier.out_proj": out}),
        ({"model_type": "big_bird", "hidden_act": "gelu_new"},
         nn.Sequential(dense, nn.GELU(approximate="tanh"), out),
         {"classifier.dense": dense, "classifier.out_proj": out}),
        ({"model_type": "distilbert"}, nn.Sequential(dense, nn.ReLU(), out),
         {"pre_classifier": dense, "classifier": out}),
        ({"model_type": "bert"}, plain, {"classifier": plain}),
        ({"architecture": "resnet18", "pretrained_cfg": {"classifier": "fc"}}, plain, {"fc": plain}),
        ({"in_features": width, "out_features": classes,
          "activation_function": "torch.nn.modules.activation.Tanh"}, nn.Sequential(plain, nn.Tanh()),
         {"linear": plain}),
    ])
    names = [f"class {i}" for i in range(classes)]
    if "model_type" in config:
        config["id2label"] = dict(enumerate(names))
    weights = {"encoder.weight": torch.randn(3, 3)}
    for name, layer in layers.items():
        weights.update({f"{name}.{key}": value for key, value in layer.state_dict().items()})
    os.mkdir(f"{work}/hub")
    torch.save(weights, f"{work}/hub/pytorch_model.bin")
    with open(f"{work}/hub/config.json", "w") as file:
        json.dump(config, file)
    with torch.no_grad():
        expected = torch.softmax(net(x).double(), dim=1).numpy()
    found = probabilities(build, work, f"{work}/hub")
    assert abs(found - expected).max() <= 1e-6, f"{config}: probabilities differ"
    shown = json.loads(linnet(build, "inspect", "--json", f"{work}/hub").stdout)
    assert shown["classes"] == (names if "model_type" in config else []), shown["classes"]


def check(build, work, draw):
    net = network(draw)
    dtype = draw.choice([torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16])
    net = net.to(dtype)
    state = collections.OrderedDict((name, value.clone()) for name, value in net.state_dict().items())
    path = f"{work}/saved.pt"
    options = save(draw, net, path)
    net = net.float().eval()
    x = torch.randn(draw.randint(1, 70), next(m for m in net.modules() if isinstance(m, nn.Linear)).in_features)
    numpy.save(f"{work}/x.npy", x.numpy())
    with torch.no_grad():
        expected = torch.softmax(net(x).double(), dim=1).numpy()
    given = [*options, "--model", str(net)]
    first = probabilities(build, work, path, *given)
    assert abs(first - expected).max() <= 1e-6, f"probabilities differ by {abs(first - expected).max()}"

    for name in ("model.pt", "again.pt", "weights.npz"):
        linnet(build, "convert", path, f"{work}/{name}", *given)
    assert read(f"{work}/model.pt") == read(f"{work}/again.pt"), "other bytes the second time"
    same_weights(torch.load(f"{work}/model.pt", weights_only=True), state)
    with numpy.load(f"{work}/weights.npz") as arrays:
        same_weights({name: arrays[name] for name in arrays}, state)
    linnet(build, "convert", f"{work}/weights.npz", f"{work}/model.safetensors", "--model", str(net))
    for name in ("model.pt", "model.safetensors"):
        found = probabilities(build, work, f"{work}/{name}")
        assert found.tobytes() == first.tobytes(), f"{name} predicts otherwise"
    check_proposal(build, path, options, state)
    check_misfit(build, draw, work, net, state)
    check_hub(build, draw, work, x)


def main():
    build = os.path.realpath(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    for seed in range(first, first + cases):
        draw = random.Random(seed)
        torch.manual_seed(seed)
        work = tempfile.mkdtemp(prefix="linnet-interop-")
        try:
            check(build, work, draw)
        except (AssertionError, RuntimeError, TypeError) as problem:
            sys.exit(f"seed {seed}: {problem}\nits files: {work}")
        subprocess.run(["rm", "-r", work], check=True)
    print(f"PyTorch {torch.__version__}: {cases} networks' weights run, converted, proposed for and refused alike")


if __name__ == "__main__":
    main()
