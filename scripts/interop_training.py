"""interop_training.py - random models in PyTorch and in Linnet, live: files, forward, gradients, training.

    /usr/bin/python3 scripts/interop_training.py BUILD [CASES [SEED]]

BUILD is a build with its tests (it holds `linnet` and `logits`); needs Debian's python3-torch. Each case
draws a Sequential of all modules, a loss, an optimizer and a dtype of the file from its seed.
  - PyTorch saves the weights, Linnet reads them: the logits of eval agree
  - one step of SGD with a huge learning rate: every parameter's gradient agrees
  - ten steps from the initial weights of the seed, shuffled and dropped out by torch's generator, with
    gradients that are clipped and accumulated, and weights that are averaged, in some of the cases: all
    weights and buffers agree
  - Linnet saves, PyTorch reads with weights_only=True, strictly
Agreement is to 1e-5, relative to the largest of what is compared. Where a model magnifies rounding, it is
to as much more as PyTorch's own float32 is away from its float64. Prints the case that fails, keeps its
files and exits 1.
"""

import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

from interop_modules import RMSNorm, run

TOLERANCE = 1e-5
ROWS, BATCH, CLASSES, STEPS = 24, 12, 4, 10
DTYPES = (torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16)
HUGE = 2.0**20
# A run whose weights reach this in PyTorch diverges: which rounding comes first says nothing of either.
TOO_LARGE = 1e6


# ---- what is drawn ----

def activation(draw):
    return draw.choice((
        lambda: nn.ReLU(), lambda: nn.ELU(draw.uniform(0.5, 2)), lambda: nn.SELU(), lambda: nn.CELU(0.7),
        lambda: nn.LeakyReLU(0.1), lambda: nn.ReLU6(), lambda: nn.GELU(draw.choice(("none", "tanh"))),
        lambda: nn.SiLU(), lambda: nn.Mish(), lambda: nn.Softplus(draw.choice((0.5, 1, 2))), lambda: nn.Softsign(),
        lambda: nn.Tanh(), lambda: nn.Sigmoid(), lambda: nn.LogSigmoid(), lambda: nn.Hardtanh(-0.7, 0.9),
        lambda: nn.Hardswish(), lambda: nn.Hardsigmoid(), lambda: nn.Hardshrink(0.1), lambda: nn.Softshrink(0.1),
        lambda: nn.Tanhshrink(), lambda: nn.Threshold(0.1, -0.3)))()


def random_module(draw):
    p = draw.choice((0, 0.1, 0.3, 0.6, 1)) if draw.random() < 0.2 else draw.uniform(0.05, 0.5)
    low = draw.uniform(0, 0.4)
    return draw.choice((lambda: nn.Dropout(p), lambda: nn.AlphaDropout(min(p, 0.6)), lambda: nn.Dropout1d(p),
                        lambda: nn.FeatureAlphaDropout(min(p, 0.6)), lambda: nn.RReLU(low, low + draw.random())))()


def norm(draw, shape):
    affine = draw.random() < 0.7
    kind = draw.randrange(3)
    if kind == 0:
        return nn.BatchNorm1d(shape[0], draw.choice((1e-5, 1e-2)), draw.choice((0.1, 0.3, None)), affine,
                              draw.random() < 0.8)
    sizes = tuple(shape) if draw.random() < 0.3 else shape[-1]
    return nn.LayerNorm(sizes, elementwise_affine=affine) if kind == 1 else RMSNorm(sizes, draw.choice((None, 1e-3)), affine)


def step(draw, shape):
    """One more module for rows of this shape, and their shape behind it."""
    kind = draw.randrange(11)
    if kind <= 2:
        width = draw.randint(2, 12)
        made = nn.Linear(shape[-1], width, draw.random() < 0.8) if draw.random() < 0.8 else nn.LazyLinear(width)
        return made, shape[:-1] + [width]
    if kind == 3:
        return norm(draw, shape), shape
    if kind == 4:
        return random_module(draw), shape
    if kind == 5:
        return nn.PReLU(draw.choice((1, shape[0]))), shape
    dim = draw.randint(1, len(shape))
    if kind == 6 and shape[dim - 1] % 2 == 0 and shape[dim - 1] > 2:
        halved = list(shape)
        halved[dim - 1] //= 2
        return nn.GLU(draw.choice((dim, dim - len(shape) - 1))), halved
    if kind == 7:
        return draw.choice((nn.Softmax, nn.LogSoftmax, nn.Softmin))(dim), shape
    if kind == 8 and len(shape) == 1 and shape[0] % 2 == 0:
        rows = draw.choice((2, shape[0] // 2))
        return nn.Unflatten(1, (rows, -1)), [rows, shape[0] // rows]
    if kind == 9 and len(shape) == 2:
        return nn.Flatten(), [shape[0] * shape[1]]
    return activation(draw), shape


def network(draw, features):
    parts, shape = [], [features]
    for _ in range(draw.randint(1, 7)):
        made, shape = step(draw, shape)
        parts.append(made)
    if len(shape) == 2:
        parts.append(nn.Flatten())
    parts.append(nn.Linear(shape[0] * (shape[1] if len(shape) == 2 else 1), CLASSES))
    return nn.Sequential(*parts)


LOSSES = ("CrossEntropyLoss()", "CrossEntropyLoss()", "CrossEntropyLoss(label_smoothing=0.1)",
          "CrossEntropyLoss(weight=[1.0, 0.5, 2.0, 0.25])", "CrossEntropyLoss(reduction='sum')",
          "CrossEntropyLoss(weight=[1.0, 0.5, 2.0, 0.25], label_smoothing=0.2, ignore_index=2)",
          "NLLLoss()", "NLLLoss(weight=[1.0, 0.5, 2.0, 0.25])")
VALUE_LOSSES = ("CrossEntropyLoss(label_smoothing=0.125)", "CrossEntropyLoss(weight=[1.0, 0.5, 2.0, 0.25])",
                "BCEWithLogitsLoss()", "BCEWithLogitsLoss(weight=[1.0, 0.5, 2.0, 0.25])",
                "BCEWithLogitsLoss(pos_weight=[3.0, 0.5, 1.0, 2.0])", "BCEWithLogitsLoss(reduction='sum')",
                "BCELoss()", "BCELoss(weight=[1.0, 0.5, 2.0, 0.25])", "MSELoss()", "MSELoss(reduction='sum')",
                "L1Loss()", "SmoothL1Loss()", "SmoothL1Loss(beta=0.25)", "HuberLoss()", "HuberLoss(delta=0.5)")
OPTIMIZERS = ("SGD(lr=0.02)", "SGD(lr=0.01, momentum=0.9, nesterov=True)", "SGD(lr=0.02, weight_decay=0.1)",
              "Adam(lr=0.002, eps=0.01)", "AdamW(lr=0.002, eps=0.01, amsgrad=True)",
              "NAdam(lr=0.002, eps=0.01, weight_decay=0.5, foreach=True)", "RAdam(lr=0.01, betas=(0.8, 0.9), eps=0.01)",
              "RMSprop(lr=0.001, eps=0.01, momentum=0.5)", "RMSprop(lr=0.001, eps=0.1, weight_decay=0.01, centered=True)",
              "Adagrad(lr=0.01, eps=0.01, lr_decay=0.1)")


def grouped(model, no_decay):
    """Parameters as an optimizer takes them; those that --no-decay means in a group behind the others."""
    groups = [], []
    for module in model.modules():
        norm = isinstance(module, (nn.LayerNorm, nn.BatchNorm1d, RMSNorm))
        for name, parameter in module.named_parameters(recurse=False):
            groups["bias" in no_decay and name == "bias" or "norm" in no_decay and norm].append(parameter)
    return [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0}] if no_decay != "none" else groups[0]


class Case:
    """A model, what it is trained on and with, and the seed of all that is random in its training."""

    def __init__(self, seed):
        draw = random.Random(seed)
        torch.manual_seed(seed)
        self.seed = seed
        self.features = draw.randint(2, 9)
        self.x = torch.randn(ROWS, self.features)
        values = draw.random() < 0.5
        self.loss = draw.choice(VALUE_LOSSES if values else LOSSES)
        self.y = self.values(draw) if values else torch.randint(0, CLASSES, (ROWS,))
        # All rows weigh the same: loss / N is the mean of N batches.
        even = "sum" not in self.loss and ("weight" not in self.loss or values) and "ignore" not in self.loss
        self.weights = torch.rand(ROWS) * 3 if even and draw.random() < 0.3 else None
        self.optimizer = draw.choice(OPTIMIZERS)
        self.dtype = draw.choice(DTYPES)
        self.accumulate = draw.choice((1, 1, 2, 3)) if even and self.weights is None else 1
        self.no_decay = draw.choice(("none", "bias", "norm", "bias,norm"))
        self.clip = draw.choice(((), (), ("norm", draw.choice((0.05, 0.5))), ("value", 0.01)))
        if self.accumulate == 1 and even and not values and self.weights is None and draw.random() < 0.3:
            self.y[draw.sample(range(ROWS), 4)] = -100
        self.average = draw.choice(((), (), ("ema", 0.8), ("swa", 3)))
        self.lazy_text = repr(self.build())
        self.state = self.stirred(self.model())
        self.text = repr(self.model())
        if any(getattr(module, "track_running_stats", True) is False for module in self.model().modules()):
            self.average = ()  # update_bn of PyTorch 1 fails there

    def build(self):
        """As a script begins: torch's generator gives the initial weights."""
        torch.manual_seed(self.seed)
        model = network(random.Random(self.seed), self.features)
        return model.append(nn.Sigmoid()) if self.loss.startswith("BCELoss") else model

    def values(self, draw):
        """Labels that are values: class probabilities, labels that are there or not, numbers."""
        if self.loss.startswith("CrossEntropy"):
            return torch.rand(ROWS, CLASSES).softmax(1)
        if self.loss.startswith("BCE"):
            return torch.rand(ROWS, CLASSES).round() if draw.random() < 0.7 else torch.rand(ROWS, CLASSES)
        return torch.randn(ROWS, CLASSES)

    def model(self, state=None, dtype=torch.float32):
        """Built, its lazy modules too, which draw their values at their first input."""
        model = self.build().eval()
        model(self.x)
        if state is not None:
            model.load_state_dict(state)
        return model.to(dtype)

    def stirred(self, model):
        """Weights that say something where norms begin as 1 and 0, rounded to the file's dtype."""
        with torch.no_grad():
            for tensor in model.state_dict().values():
                if tensor.dim() == 1:
                    tensor += torch.rand_like(tensor) * 0.5
                if tensor.dtype.is_floating_point:
                    tensor.copy_(tensor.to(self.dtype))
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def train(self, dtype, optimizer, batch, epochs, state=None, accumulate=1, clip=(), no_decay="none", average=()):
        """A script's loop over a shuffling DataLoader; returns the model, gradients of the last step included."""
        model = self.model(state, dtype).train()
        loss = eval("nn." + self.loss.replace("[", "torch.tensor([").replace("]", "])")).to(dtype)
        update = eval("torch.optim." + optimizer.replace("(", "(grouped(model, no_decay), ", 1))
        if self.weights is not None:
            loss.reduction = "none"
        y = self.y.to(dtype) if self.y.is_floating_point() else self.y
        data = TensorDataset(self.x.to(dtype), y, torch.ones(ROWS) if self.weights is None else self.weights)

        def mean_of(values, w):
            """The mean of weighted rows, as a script has it."""
            values = values.mean(1) if values.dim() == 2 else values
            return (w * values).sum() / w.sum()

        loader = DataLoader(data, batch_size=batch, shuffle=True)
        averaged = AveragedModel(model, avg_fn=(lambda mean, new, count: mean + (1 - average[1]) * (new - mean))
                                 if "ema" in average else None)
        for epoch in range(epochs):
            for i, (x, y, w) in enumerate(loader):
                if i % accumulate == 0:
                    update.zero_grad()
                value = loss(model(x), y)
                ((value if self.weights is None else mean_of(value, w.to(dtype))) / accumulate).backward()
                if (i + 1) % accumulate == 0:
                    if clip:
                        getattr(nn.utils, f"clip_grad_{clip[0]}_")(model.parameters(), clip[1])
                    update.step()
                    if "ema" in average:
                        averaged.update_parameters(model)
            if "swa" in average and epoch + 1 >= average[1]:
                averaged.update_parameters(model)
        if average == ():
            return model
        if "swa" in average:
            update_bn(loader, averaged)
        else:  # as PyTorch 2 does: PyTorch 1 leaves the buffers as they were first
            for there, here in zip(averaged.module.buffers(), model.buffers()):
                there.copy_(here)
        return averaged.module


# ---- the comparison ----

ill = 0
diverged = 0


def compare(what, found, single, double):
    """Tensors by name: Linnet's, PyTorch's, and PyTorch's in float64."""
    global ill
    if list(found) != list(single):
        sys.exit(f"{what}: expected {list(single)}, found {list(found)}")
    scale = max((float(tensor.abs().max()) for tensor in single.values() if tensor.numel()), default=0)
    for name, expected in single.items():
        if found[name].shape != expected.shape:
            sys.exit(f"{what} of {name}: expected shape {expected.shape}, found {found[name].shape}")
        if not expected.numel():
            continue
        rounding = float((expected.double() - double[name].double()).abs().max())
        ill += rounding > TOLERANCE * scale
        difference = float((found[name].double() - expected.double()).abs().max())
        if not difference <= TOLERANCE * scale + 4 * rounding:
            sys.exit(f"{what} of {name}: differs by {difference:.1e} where the largest is {scale:.1e} and PyTorch's "
                     f"own rounding {rounding:.1e}")


def check(tools, work, case):
    linnet, logits = tools
    x, y, weights = work / "x.npy", work / "y.npy", work / "weights.pt"
    numpy.save(x, case.x.numpy())
    numpy.save(y, case.y.numpy())
    weighted = () if case.weights is None else ("--sample-weight", work / "w.npy")
    if weighted:
        numpy.save(work / "w.npy", case.weights.numpy())
    torch.save({name: tensor.to(case.dtype) if tensor.dtype.is_floating_point else tensor
                for name, tensor in case.state.items()}, weights)

    def train(out, text, *options):
        run(linnet, "train", x, "--labels", y, "--model", text, "--set", f"classes={CLASSES}", "--rng", "torch",
            "--seed", case.seed, "--threads", "1", "--loss", case.loss, *weighted, "-o", work / out, *options)
        return torch.load(work / out) if out.endswith(".pt") else None

    train("eval.safetensors", case.text, "--init", weights, "--epochs", "0")
    run(logits, work / "eval.safetensors", x, ROWS, work / "logits")
    found = torch.from_numpy(numpy.fromfile(work / "logits", dtype=numpy.float32).reshape(ROWS, CLASSES))
    with torch.no_grad():
        single = case.model(case.state)(case.x)
        double = case.model(case.state, torch.float64)(case.x.double())
    compare("logits", {"eval": found}, {"eval": single}, {"eval": double})

    after = train("gradient.pt", case.text, "--init", weights, "--epochs", "1", "--batch-size", ROWS, "--optim",
                  f"SGD(lr={HUGE})")
    gradients = [{name: parameter.grad for name, parameter in
                  case.train(dtype, f"SGD(lr={HUGE})", ROWS, 1, case.state).named_parameters()}
                 for dtype in (torch.float32, torch.float64)]
    found = {name: (case.state[name].double() - after[name].double()) / HUGE for name in gradients[0]}
    compare("gradient", found, *gradients)

    batch = BATCH // case.accumulate
    expected = [case.train(dtype, case.optimizer, batch, STEPS * BATCH // ROWS, accumulate=case.accumulate,
                           clip=case.clip, no_decay=case.no_decay, average=case.average).state_dict()
                for dtype in (torch.float32, torch.float64)]
    if not all(bool((tensor.abs() < TOO_LARGE).all()) for tensor in expected[1].values()):
        global diverged
        diverged += 1
        return
    train("trained.pt", case.lazy_text, "--epochs", STEPS * BATCH // ROWS, "--batch-size", batch, "--optim",
          case.optimizer, "--accumulate", case.accumulate, "--no-decay",
          case.no_decay, *(f"--clip-grad-{case.clip[0]}", case.clip[1]) if case.clip else (),
          *(f"--{case.average[0]}", case.average[1]) if case.average else ())
    found = torch.load(work / "trained.pt", weights_only=True)
    case.model().load_state_dict(found)
    compare("trained values", found, *expected)


def main():
    tools = Path(sys.argv[1]) / "linnet", Path(sys.argv[1]) / "logits"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    used = set()
    for seed in range(first, first + count):
        work = Path(tempfile.mkdtemp(prefix="interop-"))
        case = Case(seed)
        used.update(type(module).__name__ for module in case.model().modules())
        try:
            check(tools, work, case)
        except (SystemExit, RuntimeError) as why:
            sys.exit(f"seed {seed}, files in {work}\n{case.lazy_text}\n{case.loss}, {case.optimizer}, {case.dtype}, accumulate {case.accumulate}, clip {case.clip}, no decay {case.no_decay}, average {case.average}\n{why}")
        shutil.rmtree(work)
    print(f"{count} random models of {len(used)} kinds of modules agree with PyTorch {torch.__version__}; {ill} of "
          f"their tensors are known to less than {TOLERANCE:.0e} in float32, {diverged} models diverge in training; "
          f"seeds {first} to {first + count - 1}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Lazy modules")
    main()
