"""interop_onnx.py - ONNX Runtime, PyTorch and Linnet on random models, both ways, checked live.

    /usr/bin/python3 scripts/interop_onnx.py BUILD [CASES [SEED]]

BUILD is a build with its tests (it holds `linnet` and `logits`); needs Debian's python3-torch and
python3-onnx; onnxruntime comes from PyPI into BUILD/python, where it is missing. Each case is a network
drawn from the seed, a chain of all that is exported, with rows of one to three dimensions:
  - torch.onnx.export writes it, under one of several opsets: Linnet's outputs are PyTorch's, and ONNX
    Runtime's within ten times as much
  - Linnet writes it, from that file and from its state_dict: onnx.checker takes it, ONNX Runtime's outputs are Linnet's, the
    same command writes the same bytes, and Linnet reads its own file and gives the bits it gave before
The last case is a model that Linnet trained with its input scaled. Outputs are the same within 1e-6 of
the largest. Prints what the first case that fails is, keeps its files and exits 1.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
from torch import nn

import pypi

RUNTIME = "onnxruntime==1.32.0"
TOLERANCE = 1e-6


# ---- what is drawn ----

def norm(draw, shape):
    """What has statistics or weights of the shape of a row."""
    if len(shape) < 3 and draw.random() < 0.5:
        made = nn.BatchNorm1d(shape[0], eps=draw.choice([1e-5, 1e-3]), affine=draw.random() < 0.8)
        made.running_mean.normal_()
        made.running_var.uniform_(0.5, 2)
    else:
        last = shape[draw.randrange(len(shape)):]
        made = nn.LayerNorm(last, eps=draw.choice([1e-5, 1e-3]), elementwise_affine=draw.random() < 0.8)
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def activation(draw, shape, opset):
    def some(low, high):
        return round(draw.uniform(low, high), draw.choice([1, 3]))

    def any_dim():
        return -1 if opset < 13 else draw.choice([-1, draw.randint(1, len(shape))])

    return draw.choice([
        nn.ReLU, lambda: nn.ReLU(inplace=True), nn.Identity, nn.SELU, nn.ReLU6, nn.SiLU, nn.Mish, nn.Tanh,
        nn.Sigmoid, nn.LogSigmoid, nn.Softsign, nn.Hardswish, nn.Hardsigmoid, nn.Tanhshrink, nn.GELU,
        lambda: nn.GELU("tanh"), lambda: nn.Dropout(some(0, 1)), lambda: nn.ELU(some(0.1, 2)),
        lambda: nn.CELU(some(0.1, 2)), lambda: nn.LeakyReLU(some(0, 0.5)), nn.Softplus,
        lambda: nn.Softplus(some(0.5, 2)), lambda: nn.Hardtanh(some(-2, -0.1), some(0.1, 2)),
        lambda: nn.Hardshrink(some(0.1, 1)), lambda: nn.Softshrink(some(0.1, 1)), lambda: nn.Softmax(any_dim()),
        lambda: nn.LogSoftmax(any_dim()), lambda: nn.Softmin(any_dim()), lambda: nn.AlphaDropout(0.3), nn.PReLU,
        lambda: nn.PReLU(shape[0]), lambda: nn.RReLU(0.1, some(0.2, 0.5))])()


def network(draw, opset):
    """A network and the shape of one of its rows."""
    row = [draw.randint(1, 6) for _ in range(draw.choice([0, 0, 1, 2]))] + [draw.randint(1, 40)]
    shape = list(row)
    layers = []
    for _ in range(draw.randint(1, 6)):
        kind = draw.random()
        if kind < 0.2 and len(shape) > 1:
            start = draw.randint(1, len(shape) - 1)
            layers.append(nn.Flatten(start, -1) if draw.random() < 0.7 else nn.Flatten(1, 2))
            shape = list(layers[-1](torch.empty([1] + shape)).shape[1:])
        elif kind < 0.3:
            layers.append(norm(draw, shape))
        elif kind < 0.65:
            out = draw.randint(1, 40)
            layers.append(nn.Linear(shape[-1], out, bias=draw.random() < 0.8))
            shape[-1] = out
        else:
            layers.append(activation(draw, shape, opset))
    if draw.random() < 0.3:
        layers = [nn.Sequential(*layers[:2])] + layers[2:]
    return nn.Sequential(*layers).eval(), row


# ---- running ----

def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Bench:
    def __init__(self, build, folder, onnxruntime):
        self.build, self.folder, self.onnxruntime = build, folder, onnxruntime

    def path(self, name):
        return os.path.join(self.folder, name)

    def linnet(self, *arguments):
        return run(os.path.join(self.build, "linnet"), *arguments)

    def outputs(self, model, rows):
        """What Linnet gives for the rows of an .npy file, flat."""
        run(os.path.join(self.build, "logits"), model, rows, "16", self.path("out"))
        return np.fromfile(self.path("out"), dtype=np.float32)

    def runtime(self, model, rows):
        session = self.onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: rows})[0].ravel()

    def same(self, what, found, expected, tolerance=TOLERANCE):
        if found.shape != expected.shape:
            raise AssertionError(f"{what}: {found.size} outputs, expected {expected.size}")
        apart = np.abs(found - expected).max(initial=0) / max(1, np.abs(expected).max(initial=0))
        if not apart <= tolerance:
            raise AssertionError(f"{what}: {apart:.3g} apart")
        return apart


def exported_by_torch(bench, draw, opset, model, row, rows, expected):
    """Returns False where this PyTorch has no export for something in the model."""
    path = bench.path("torch.onnx")
    dynamic = {"input": {0: "batch"}} if draw.random() < 0.7 else None
    example = torch.randn([2 if dynamic else len(rows)] + row)
    try:
        torch.onnx.export(model, example, path, opset_version=opset,
                          input_names=["input"], output_names=["output"], dynamic_axes=dynamic,
                          do_constant_folding=draw.random() < 0.8)
    except torch.onnx.errors.OnnxExporterError:
        return False
    np.save(bench.path("rows.npy"), rows)
    found = bench.outputs(path, bench.path("rows.npy"))
    # PyTorch writes Log(Sigmoid(x)) for LogSigmoid, and ONNX Runtime takes that at its word.
    bench.same("Linnet and ONNX Runtime on PyTorch's file", found, bench.runtime(path, rows), 10 * TOLERANCE)
    bench.same("Linnet and PyTorch", found, expected)
    return True


def written_by_linnet(bench, source, arguments, rows, shape):
    """`source` and the arguments are what `linnet convert` makes a model of."""
    path, again, own = bench.path("linnet.onnx"), bench.path("again.onnx"), bench.path("linnet.safetensors")
    np.save(bench.path("rows.npy"), rows)
    for target in (own, path, again):
        bench.linnet("convert", source, target, *arguments)
    with open(path, "rb") as one, open(again, "rb") as other:
        if one.read() != other.read():
            raise AssertionError("two files of one model differ")
    onnx.checker.check_model(path, full_check=True)
    before = bench.outputs(own, bench.path("rows.npy"))
    bench.same("ONNX Runtime and Linnet on Linnet's file", bench.runtime(path, rows.reshape([len(rows)] + shape)), before)
    after = bench.outputs(path, bench.path("rows.npy"))
    if before.tobytes() != after.tobytes():
        raise AssertionError("Linnet gives other bits for its own file")


def check_case(bench, draw):
    opset = draw.choice([9, 11, 12, 13, 15])  # before 13 PyTorch writes another softmax with Transpose
    model, row = network(draw, opset)
    bench.shown = f"{model}\nrows of {row}"
    rows = np.random.default_rng(draw.randrange(1 << 30)).standard_normal([5] + row).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(rows)).numpy().ravel()
    done = exported_by_torch(bench, draw, opset, model, row, rows, expected)
    # Of rows with more dimensions than one Linnet knows only where a file says so.
    if done:
        written_by_linnet(bench, bench.path("torch.onnx"), [], rows, row)
    if len(row) == 1 and any(isinstance(module, nn.Linear) for module in model.modules()):
        torch.save(model.state_dict(), bench.path("weights.pt"))
        written_by_linnet(bench, bench.path("weights.pt"), ["--model", str(model)], rows, row)
    return done


def check_trained(bench):
    """Input scaling, the shape of a row and class names come from training, and so do modules that this
    PyTorch does not have or export."""
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((60, 3, 4)) * 3 + 7).astype(np.float32)
    np.savez(bench.path("data.npz"), x=x, y=np.arange(60) % 3)
    bench.shown = "a model that Linnet trained"
    model = ("Sequential(Linear(4,6), SiLU(), RMSNorm((3,6)), LayerNorm(6,bias=False), "
             "RMSNorm(6,eps=1e-5,elementwise_affine=False), BatchNorm1d(3,affine=False), Unflatten(2,(-1,3)), "
             "LayerNorm((2,3),elementwise_affine=False), RMSNorm(3,eps=1e-3), Softmax(2), Threshold(0.3,0.1), PReLU(3), "
             "Flatten(2), RReLU(), Dropout1d(), Flatten(), FeatureAlphaDropout(), Linear(18,classes))")
    bench.linnet("train", bench.path("data.npz"), "-o", bench.path("trained.onnx"), "--standardize", "--scale",
                 "0.5", "--epochs", "1", "--classes", "ant,bee,cat",
                 "--model", model)
    bench.linnet("train", bench.path("data.npz"), "-o", bench.path("trained.safetensors"), "--standardize",
                 "--scale", "0.5", "--epochs", "1", "--classes", "ant,bee,cat",
                 "--model", model)
    written_by_linnet(bench, bench.path("trained.safetensors"), [], x, [3, 4])
    bench.same("the file of linnet train", bench.outputs(bench.path("trained.onnx"), bench.path("rows.npy")),
               bench.outputs(bench.path("trained.safetensors"), bench.path("rows.npy")))
    if "ant" not in bench.linnet("inspect", bench.path("trained.onnx")):
        raise AssertionError("the class names are lost")


def main():
    build = os.path.abspath(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    onnxruntime = pypi.module(build, "onnxruntime", RUNTIME)
    if not onnxruntime:
        return
    onnxruntime.set_default_logger_severity(3)
    folder = tempfile.mkdtemp(prefix="interop_onnx.")
    bench = Bench(build, folder, onnxruntime)
    exported = 0
    for case in range(cases + 1):
        draw = random.Random(seed * 100003 + case)
        torch.manual_seed(seed * 100003 + case)
        try:
            if case == cases:
                check_trained(bench)
            else:
                exported += check_case(bench, draw)
        except AssertionError as problem:
            print(f"case {case} of seed {seed}: {problem}\n{bench.shown}\nfiles: {folder}", file=sys.stderr)
            sys.exit(1)
    shutil.rmtree(folder)
    if exported < cases / 2:
        sys.exit(f"PyTorch exported {exported} of {cases} models, too few")
    print(f"{cases} models of seed {seed}: {exported} from PyTorch's export, all and a trained one to ONNX "
          "Runtime, within 1e-6")


main()
