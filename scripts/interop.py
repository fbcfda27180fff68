"""interop.py - PyTorch's side of scripts/check-interop: runs the same weights in torch.nn.Sequential and
compares. Trains and tests nothing of Linnet itself.

    to-torch MODEL IMAGES LOGITS PROBABILITIES   a Linnet model in PyTorch, against Linnet's own results
    from-torch FOLDER WORK                       trains a small PyTorch model and saves it for Linnet
    compare FOUND EXPECTED                       two .npy files of probabilities
"""

import gzip
import json
import re
import sys
from collections import OrderedDict

import numpy
import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

# Logits may differ by this much, relative to the largest logit of their row; probabilities absolutely.
TOLERANCE = 1e-5


def idx(path, offset):
    with gzip.open(path) as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=offset)


def images(path):
    return idx(path, 16).reshape(-1, 28, 28)


def from_repr(text):
    """The module whose print() is `text`: each `(name): ` becomes an entry of an OrderedDict."""
    text = re.sub(r"\((\w+)\): ", r'"\1": ', text)
    text = re.sub(r"Sequential\(\n", "Sequential(OrderedDict({\n", text)
    text = re.sub(r"\n( *)\)", r"\n\1}))", text)
    text = re.sub(r"\)\n", "),\n", text)
    return eval(text, {**vars(nn), "OrderedDict": OrderedDict})


def close(found, expected, scale):
    worst = float((numpy.abs(found - expected) / scale).max())
    same = int((found.argmax(1) == expected.argmax(1)).sum())
    print(f"{same} of {len(expected)} rows have the same class; largest difference {worst:.1e}")
    if found.shape != expected.shape or same != len(expected) or not worst <= TOLERANCE:
        sys.exit(f"expected the same classes and at most {TOLERANCE:.0e}")


def to_torch(path, image_path, logits_path, probabilities_path):
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    model = from_repr(metadata["linnet.model"])
    assert repr(model) == metadata["linnet.model"], f"{model!r} is not {metadata['linnet.model']}"
    model.load_state_dict(safetensors.torch.load_file(path))
    model.eval()
    scale = numpy.float32(json.loads(metadata["linnet.input"])["scale"])
    with torch.no_grad():
        logits = model(torch.from_numpy(images(image_path).astype(numpy.float32) * scale))
    expected = logits.numpy()
    found = numpy.fromfile(logits_path, numpy.float32).reshape(expected.shape)
    print("Linnet's model in PyTorch, logits: ", end="")
    close(found, expected, numpy.abs(expected).max(1, keepdims=True))
    print("Linnet's model in PyTorch, probabilities: ", end="")
    close(numpy.load(probabilities_path), logits.softmax(1).numpy(), 1)


def from_torch(folder, work):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
    x = torch.from_numpy(images(f"{folder}/train-images-idx3-ubyte.gz").astype(numpy.float32) / 255)
    y = torch.from_numpy(idx(f"{folder}/train-labels-idx1-ubyte.gz", 8).astype(numpy.int64))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for rows in torch.randperm(len(x)).split(256):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    safetensors.torch.save_file(model.state_dict(), f"{work}/torch.safetensors")
    with open(f"{work}/torch.txt", "w") as file:
        print(model, file=file)
    test = images(f"{folder}/t10k-images-idx3-ubyte.gz").astype(numpy.float32) / 255
    numpy.save(f"{work}/test.npy", test)
    with torch.no_grad():
        numpy.save(f"{work}/torch-probabilities.npy", model(torch.from_numpy(test)).softmax(1).numpy())


def compare(found, expected):
    print("PyTorch's model in Linnet, probabilities: ", end="")
    close(numpy.load(found), numpy.load(expected), 1)


if __name__ == "__main__":
    {"to-torch": to_torch, "from-torch": from_torch, "compare": compare}[sys.argv[1]](*sys.argv[2:])
