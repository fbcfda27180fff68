"""interop_modules.py - the elementwise modules against PyTorch's own, live.

    /usr/bin/python3 scripts/interop_modules.py BUILD [SEED]

BUILD is a build (it holds `linnet`); needs Debian's python3-torch. Each module, with its defaults and with
arguments drawn from the seed, stands between two Linears in a Sequential that PyTorch pickles whole.
  - `linnet inspect` shows PyTorch's print() of it
  - `linnet predict` gives PyTorch's class probabilities within 1e-6, for inputs that reach into the
    tails and onto the edges of every module
  - the text that PyTorch prints is read by `linnet predict --model` with the same result, by bits
Prints one line a module, and exits 1 at the first that differs. Trains nothing.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from torch import nn

TOLERANCE = 1e-6
FEATURES, WIDTH, CLASSES, ROWS = 6, 40, 5, 300


def modules(draw):
    """Each module of the table, with its defaults and with arguments of its own."""
    low, high = -draw.uniform(0, 2), draw.uniform(0.1, 2)
    yield from (nn.ELU(), nn.ELU(high, True), nn.SELU(), nn.CELU(), nn.CELU(high))
    yield from (nn.LeakyReLU(), nn.LeakyReLU(low), nn.ReLU6(), nn.ReLU6(True))
    yield from (nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(True))
    yield from (nn.Softplus(), nn.Softplus(high, 3), nn.Softplus(0.5, threshold=1.5))
    yield from (nn.Softsign(), nn.Tanh(), nn.Sigmoid(), nn.LogSigmoid())
    yield from (nn.Hardtanh(), nn.Hardtanh(low, high), nn.Hardtanh(-2, 2, inplace=True))
    yield from (nn.Hardswish(), nn.Hardswish(True), nn.Hardsigmoid(), nn.Hardshrink(), nn.Hardshrink(high))
    yield from (nn.Softshrink(), nn.Softshrink(1), nn.Tanhshrink())
    yield from (nn.Threshold(0.1, 20), nn.Threshold(low, high, True))


def inputs():
    """Noise of every size, and rows of values at which modules have an edge."""
    x = torch.randn(ROWS, FEATURES) * torch.logspace(-4, 1.5, ROWS).unsqueeze(1)
    for i, edge in enumerate((-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 20.0)):
        x[i] = edge
    return x


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in command)}: {done.stderr}")
    return done.stdout


def check(linnet, work, module, x):
    model = nn.Sequential(nn.Linear(FEATURES, WIDTH), module, nn.Linear(WIDTH, CLASSES)).eval()
    torch.save(model, work / "model.pt")
    torch.save(model.state_dict(), work / "weights.pt")
    shown = run(linnet, "inspect", work / "model.pt")
    lines = {line.strip() for line in shown.splitlines()}
    for line in repr(model).splitlines():
        if not any(line.strip() in other for other in lines):
            sys.exit(f"{module!r}: expected the line {line!r}, found\n{shown}")
    run(linnet, "predict", work / "model.pt", work / "x.npy", "-o", work / "found.npy")
    found = numpy.load(work / "found.npy")
    with torch.no_grad():
        expected = model(x.clone()).softmax(1).numpy()
    worst = float(numpy.abs(found - expected).max())
    print(f"{module!r:45} largest difference {worst:.1e}")
    if found.shape != expected.shape or not worst <= TOLERANCE:
        sys.exit(f"{module!r}: expected at most {TOLERANCE:.0e}")
    run(linnet, "predict", work / "weights.pt", work / "x.npy", "--model", repr(model), "-o", work / "text.npy")
    if (work / "text.npy").read_bytes() != (work / "found.npy").read_bytes():
        sys.exit(f"{module!r}: expected the same bits from the pickled module and from its text")


def main():
    linnet = Path(sys.argv[1]) / "linnet"
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.manual_seed(seed)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        x = inputs()
        numpy.save(work / "x.npy", x.numpy())
        for module in modules(random.Random(seed)):
            check(linnet, work, module, x)
            count += 1
    print(f"{count} modules agree with PyTorch {torch.__version__}, seed {seed}")


if __name__ == "__main__":
    main()
