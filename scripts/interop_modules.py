"""interop_modules.py - each module against PyTorch's own, live, and what is refused in the same words.

    /usr/bin/python3 scripts/interop_modules.py BUILD [SEED]

BUILD is a build (it holds `linnet`); needs Debian's python3-torch. Each module, with its defaults and with
arguments drawn from the seed, stands between two Linears in a Sequential that PyTorch pickles whole.
  - `linnet inspect` shows PyTorch's print() of it
  - `linnet predict` gives PyTorch's class probabilities within 1e-6, for inputs that reach into the
    tails and onto the edges of every module
  - the text that PyTorch prints is read by `linnet predict --model` with the same result, by bits
  - constructors and shapes that PyTorch refuses are refused with PyTorch's message
Prints one line a module, and exits 1 at the first that differs. Training is interop_training.py's.
"""

import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import torch
from torch import nn



class RMSNorm(nn.Module):
    """torch.nn.RMSNorm as PyTorch 2.4 brought it, for older ones."""

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True):
        super().__init__()
        whole = isinstance(normalized_shape, int)
        self.normalized_shape = (normalized_shape,) if whole else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.register_parameter("weight", nn.Parameter(torch.ones(self.normalized_shape)) if elementwise_affine else None)

    def forward(self, x):
        eps = torch.finfo(torch.float32).eps if self.eps is None else self.eps
        last = tuple(range(-len(self.normalized_shape), 0))
        y = x * torch.rsqrt(x.pow(2).mean(last, keepdim=True) + eps)
        return y if self.weight is None else y * self.weight

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


if hasattr(nn, "RMSNorm"):
    RMSNorm = nn.RMSNorm
else: # pickled as if it were there
    RMSNorm.__module__ = "torch.nn.modules.normalization"
    nn.modules.normalization.RMSNorm = RMSNorm

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
    yield from (nn.PReLU(), nn.PReLU(WIDTH, high), nn.RReLU(), nn.RReLU(0.1, high + 0.1, True))
    yield from (nn.GLU(), nn.GLU(1), nn.Softmax(1), nn.LogSoftmax(-1), nn.Softmin(), nn.Softmin(1))
    yield from (nn.BatchNorm1d(WIDTH), nn.BatchNorm1d(WIDTH, 1e-3, None, False))
    yield from (nn.BatchNorm1d(WIDTH, track_running_stats=False), nn.LayerNorm(WIDTH), nn.LayerNorm([WIDTH], 1e-3, False))
    yield from (RMSNorm(WIDTH), RMSNorm((WIDTH,), 1e-3), RMSNorm(WIDTH, elementwise_affine=False))
    yield from (nn.Dropout(high / 3), nn.AlphaDropout(), nn.FeatureAlphaDropout(0.2, True), nn.Dropout1d(0.3))
    yield from (nn.Unflatten(1, (5, 8)), nn.Unflatten(-1, [-1, 10]), nn.Unflatten(1, (2, 4, 5)), nn.Flatten(), nn.Identity())


# What PyTorch refuses to make; classes and shapes that it refuses to run, as the shape of one row.
REFUSED = (
    "Dropout(1.5)", "AlphaDropout(-1)", "FeatureAlphaDropout(2)", "Dropout1d(-0.5)", "PReLU(-1)", "BatchNorm1d(-1)",
    "LayerNorm(-1)", "LayerNorm((2, -1))", "Bilinear(-1, 3, 4)", "Linear(-1, 3)", "Softshrink(-1)", "GELU('tan')",
    "Unflatten(1, 5)", "Unflatten(1, (2, 'a'))", "Linear()", "Linear(3)", "Linear(1, 2, True, None, None, 3)",
    "ReLU(a=1)", "LayerNorm()", "Unflatten(1)", "Bilinear(1)", "GLU(1, 2)", "PReLU(1, 2, 3, 4, 5)",
    "LazyLinear()", "Softmin(1, dim=2)")
UNFIT = (
    ("Linear(4, 5)", [3]), ("GLU()", [3]), ("GLU(2)", [4]), ("GLU(1)", [3, 2]), ("PReLU(3)", [4]), ("PReLU(2)", [3, 2]),
    ("BatchNorm1d(3)", [4, 5]), ("BatchNorm1d(3)", [3, 4, 5]), ("BatchNorm1d(3)", [3]),
    ("BatchNorm1d(3, track_running_stats=False)", [4, 5]), ("LayerNorm(3)", [4]), ("LayerNorm((2, 3))", [2, 4]),
    ("LayerNorm((2, 3, 4, 5))", [4]), ("Unflatten(1, (2, 3))", [5]), ("Unflatten(1, (2, -1))", [5]),
    ("Unflatten(1, (-1, -1))", [4]), ("Unflatten(3, (2, 2))", [4]), ("Unflatten(1, ())", [4]),
    ("Unflatten(1, (2, -2))", [4]), ("Dropout1d()", [3, 4, 5]), ("Softmax(2)", [4]), ("LogSoftmax(-3)", [4]),
    ("Flatten(2)", [4]), ("Flatten(2, 1)", [4, 5]), ("Bilinear(2, 3, 4)", [2]))


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


def framed(module):
    """The module between two Linears."""
    model = nn.Sequential(nn.Linear(FEATURES, WIDTH), module).eval()
    rows = model(torch.zeros(2, FEATURES))
    if rows.dim() > 2:
        model.append(nn.Flatten())
    model.append(nn.Linear(rows[0].numel(), CLASSES))
    with torch.no_grad(): # norms begin with weights of 1 and 0
        for name, tensor in model.state_dict().items():
            if tensor.dim() == 1:
                tensor += torch.rand_like(tensor)
    return model.eval()


def check(linnet, work, module, x):
    model = framed(module)
    torch.save(model, work / "model.pt")
    torch.save(model.state_dict(), work / "weights.pt")
    shown = run(linnet, "inspect", work / "model.pt")
    lines = {line.strip() for line in shown.splitlines()}
    for line in repr(model).splitlines():
        if not any(line.strip() in other for other in lines):
            sys.exit(f"{module!r}: expected the line {line!r}, found\n{shown}")
    rows = ("--batch-size", ROWS) # where BatchNorm takes its statistics from the batch, all rows are one
    run(linnet, "predict", work / "model.pt", work / "x.npy", "-o", work / "found.npy", *rows)
    found = numpy.load(work / "found.npy")
    with torch.no_grad():
        expected = model(x.clone()).softmax(1).numpy()
    worst = float(numpy.abs(found - expected).max())
    print(f"{module!r:45} largest difference {worst:.1e}")
    if found.shape != expected.shape or not worst <= TOLERANCE:
        sys.exit(f"{module!r}: expected at most {TOLERANCE:.0e}")
    run(linnet, "predict", work / "weights.pt", work / "x.npy", "--model", repr(model), "-o", work / "text.npy", *rows)
    if (work / "text.npy").read_bytes() != (work / "found.npy").read_bytes():
        sys.exit(f"{module!r}: expected the same bits from the pickled module and from its text")


def check_refused(linnet, work, text, row):
    """Both refuse the text, or, where it can be made, to train on one row of this shape."""
    try:
        eval("nn." + text)(torch.zeros(1, *row))
        sys.exit(f"{text}: expected PyTorch to refuse it")
    except Exception as why:
        expected = str(why).splitlines()[-1]
    numpy.save(work / "row.npy", numpy.zeros((1, *row), dtype=numpy.float32))
    numpy.save(work / "label.npy", numpy.zeros(1, dtype=numpy.int64))
    done = subprocess.run([linnet, "train", work / "row.npy", "--labels", work / "label.npy", "-o", work / "no.pt",
                           "--model", f"Sequential({text}, Flatten())"], capture_output=True, text=True)
    if done.returncode == 0 or expected not in done.stderr:
        sys.exit(f"{text} for {row}: expected {expected!r}, found {done.stderr!r}")


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
        for text in REFUSED:
            check_refused(linnet, work, text, [3])
        for text, row in UNFIT:
            check_refused(linnet, work, text, row)
    print(f"{len(REFUSED)} constructors and {len(UNFIT)} shapes are refused in PyTorch's words")
    print(f"{count} modules agree with PyTorch {torch.__version__}, seed {seed}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
