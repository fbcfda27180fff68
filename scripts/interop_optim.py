"""interop_optim.py - losses, optimizers and schedules with random arguments, in PyTorch and in Linnet, live.

    /usr/bin/python3 scripts/interop_optim.py BUILD [CASES [SEED]]

BUILD is a build with its tests (it holds `linnet` and `train`); needs Debian's python3-torch. A case draws
from its seed either of
  training   a model in double, a loss, an optimizer, and in some cases a schedule, weights of rows, gradients that
             accumulate and are clipped, parameters without weight decay, averages of the weights: all weights and
             buffers after some epochs agree, and so does each epoch's loss
  schedule   the learning rate of each of hundreds of steps, and the momentum or betas at their end
The tables below say which arguments there are; each is drawn or left out.

Weights agree to 1e-12 of the largest of them. Where a run magnifies rounding - Adam divides what is nearly 0 by what is
nearly 0, L-BFGS divides by differences of gradients - they agree to as much more as PyTorch is away from itself
where outputs are changed in their last bit, and gradients by that of the largest. Runs whose weights grow without
bounds in PyTorch, or in which it divides by 0, are left out, and counted. Rates agree to 1e-13 of the largest: they are products of up to
hundreds of factors, each rounded, and C libraries differ in the last bit of cos and pow. Prints the case that
fails and exits 1.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

from interop_replay import linnet as train_program, make_schedule

TOLERANCE = 1e-12
MAGNIFIED = 100  # of PyTorch's distance from itself
RATES = 1e-13
TOO_LARGE = 1e3  # weights that begin below 1
STEPS = 300
# PyTorch's dropout in double draws as it does where it is built with MKL, or not.
RNG = "torch-mkl" if torch.backends.mkl.is_available() else "torch"
if any(f"CPU capability usage: {name}" in torch.__config__.show() for name in ("NO AVX", "DEFAULT")):
    RNG += "-default"
warnings.simplefilter("ignore")


class Draw(random.Random):
    """What arguments are drawn from."""

    def number(self, low, high):
        return round(self.uniform(low, high), 4)

    def power(self, low, high):
        """10 to a power that is drawn."""
        return float(f"{10 ** self.uniform(low, high):.3g}")

    def numbers(self, count):
        return [self.number(0.1, 3) for _ in range(count)]

    def flag(self):
        return self.random() < 0.5

    def some(self, **arguments):
        """Each argument, a function that draws it, or not: PyTorch's default."""
        return {name: draw() for name, draw in arguments.items() if self.flag()}


def call(name, arguments, first=()):
    """Constructor text, for PyTorch and Linnet."""
    return f"{name}({', '.join([*first, *(f'{key}={value!r}' for key, value in arguments.items())])})"


# ---- losses: their arguments for rows of n outputs, and their targets ----

def classes(draw, n, rows):
    return torch.tensor([draw.randrange(n) for _ in range(rows)])


def class_probabilities(draw, n, rows):
    return torch.rand(rows, n, dtype=torch.float64).softmax(1)


def labels(draw, n, rows):
    values = torch.rand(rows, n, dtype=torch.float64)
    return values.round() if draw.flag() else values


def reals(draw, n, rows):
    return torch.randn(rows, n, dtype=torch.float64)


def reduction(draw):
    return draw.choice(("mean", "mean", "sum"))


LOSSES = {
    "CrossEntropyLoss": (classes, lambda d, n: d.some(
        weight=lambda: d.numbers(n), ignore_index=lambda: d.randrange(n), label_smoothing=lambda: d.number(0, 1),
        reduction=lambda: reduction(d))),
    "CrossEntropyLoss of probabilities": (class_probabilities, lambda d, n: d.some(
        weight=lambda: d.numbers(n), label_smoothing=lambda: d.number(0, 1), reduction=lambda: reduction(d))),
    "NLLLoss": (classes, lambda d, n: d.some(
        weight=lambda: d.numbers(n), ignore_index=lambda: d.randrange(n), reduction=lambda: reduction(d))),
    "BCEWithLogitsLoss": (labels, lambda d, n: d.some(
        weight=lambda: d.numbers(n), pos_weight=lambda: d.numbers(n), reduction=lambda: reduction(d))),
    "BCELoss": (labels, lambda d, n: d.some(weight=lambda: d.numbers(n), reduction=lambda: reduction(d))),
    "MSELoss": (reals, lambda d, n: d.some(reduction=lambda: reduction(d))),
    "L1Loss": (reals, lambda d, n: d.some(reduction=lambda: reduction(d))),
    "SmoothL1Loss": (reals, lambda d, n: d.some(beta=lambda: d.number(0, 2), reduction=lambda: reduction(d))),
    "HuberLoss": (reals, lambda d, n: d.some(delta=lambda: d.number(0.1, 2), reduction=lambda: reduction(d))),
}


# ---- optimizers ----

def betas(draw):
    return draw.number(0, 0.95), draw.number(0.5, 0.999)


def sgd(draw):
    chosen = {"lr": draw.power(-3, -1), **draw.some(momentum=lambda: draw.number(0.1, 0.95),
                                                    weight_decay=lambda: draw.power(-4, -1), maximize=draw.flag)}
    if "momentum" in chosen:
        chosen.update({"nesterov": True} if draw.flag() else draw.some(dampening=lambda: draw.number(0, 0.9)))
    return chosen


def adam(draw, *more):
    drawn = {"betas": lambda: betas(draw), "eps": lambda: draw.power(-9, -2), "weight_decay": lambda: draw.power(-4, -1),
             "amsgrad": draw.flag, "maximize": draw.flag, "momentum_decay": lambda: draw.power(-4, -1)}
    return {"lr": draw.power(-4, -2),
            **draw.some(**{name: drawn[name] for name in ("betas", "eps", "weight_decay", *more)})}


def lbfgs(draw):
    chosen = draw.some(max_iter=lambda: draw.randint(1, 6), max_eval=lambda: draw.randint(1, 8),
                       tolerance_grad=lambda: draw.power(-9, -1), tolerance_change=lambda: draw.power(-12, -3),
                       history_size=lambda: draw.randint(1, 5))
    return {"lr": draw.power(-2, 0), "max_iter": 4, **chosen,
            **({"line_search_fn": "strong_wolfe"} if draw.flag() else {})}


OPTIMIZERS = {
    "SGD": sgd,
    "Adam": lambda d: adam(d, "amsgrad", "maximize"),
    "AdamW": lambda d: adam(d, "amsgrad", "maximize"),
    # Its other implementation keeps the product of momenta in another dtype.
    "NAdam": lambda d: {**adam(d, "momentum_decay"), "foreach": True},
    "RAdam": lambda d: adam(d),
    "RMSprop": lambda d: {"lr": d.power(-4, -2), **d.some(
        alpha=lambda: d.number(0.5, 0.999), eps=lambda: d.power(-9, -2), weight_decay=lambda: d.power(-4, -1),
        momentum=lambda: d.number(0.1, 0.95), centered=d.flag, maximize=d.flag)},
    "Adagrad": lambda d: {"lr": d.power(-3, -1), **d.some(
        lr_decay=lambda: d.power(-3, 0), weight_decay=lambda: d.power(-4, -1), eps=lambda: d.power(-11, -2),
        initial_accumulator_value=lambda: d.number(0, 0.5), maximize=d.flag)},
    "LBFGS": lbfgs,
}


# ---- schedules of n steps: positional arguments as text, and the others ----

CHAINABLE = {
    "StepLR": lambda d, n: ([d.randint(1, n // 3 + 1)], d.some(gamma=lambda: d.number(0.3, 1.1))),
    "MultiStepLR": lambda d, n: ([sorted(d.choices(range(1, n), k=d.randint(1, 5)))],
                                 d.some(gamma=lambda: d.number(0.3, 1.1))),
    "ConstantLR": lambda d, n: ([], d.some(factor=lambda: d.number(0.1, 1), total_iters=lambda: d.randint(0, n))),
    "LinearLR": lambda d, n: ([], d.some(start_factor=lambda: d.number(0.1, 1), end_factor=lambda: d.number(0, 1),
                                         total_iters=lambda: d.randint(1, n))),
    "ExponentialLR": lambda d, n: ([d.number(0.97, 1.001)], {}),
    "PolynomialLR": lambda d, n: ([], d.some(total_iters=lambda: d.randint(1, n), power=lambda: d.number(0.3, 3))),
    "CosineAnnealingLR": lambda d, n: ([d.randint(1, n)], d.some(eta_min=lambda: d.number(0, 0.01))),
}


def warm_restarts(draw, n):
    return [draw.randint(1, n)], draw.some(T_mult=lambda: draw.randint(1, 3), eta_min=lambda: draw.number(0, 0.01))


def cyclic(draw, n):
    return ([draw.number(0.001, 0.01), draw.number(0.02, 0.2)], {
        "step_size_up": draw.randint(1, n // 3 + 1),
        **draw.some(step_size_down=lambda: draw.randint(1, n // 3 + 1), base_momentum=lambda: draw.number(0.5, 0.8),
                    mode=lambda: draw.choice(("triangular", "triangular2", "exp_range")),
                    max_momentum=lambda: draw.number(0.8, 0.99), gamma=lambda: draw.number(0.97, 1))})


def one_cycle(draw, n):
    length = ({"epochs": (n + 6) // 7, "steps_per_epoch": 7} if draw.flag() else {"total_steps": n + draw.randint(0, 9)})
    return ([draw.number(0.01, 0.3)], {**length, **draw.some(
        pct_start=lambda: draw.number(0.1, 0.9), anneal_strategy=lambda: draw.choice(("cos", "linear")),
        cycle_momentum=draw.flag, base_momentum=lambda: draw.number(0.5, 0.85), div_factor=lambda: draw.number(2, 40),
        max_momentum=lambda: draw.number(0.85, 0.99), final_div_factor=lambda: draw.power(1, 5),
        three_phase=draw.flag)})


def plateau(draw, n):
    return [], draw.some(
        mode=lambda: draw.choice(("min", "max")), factor=lambda: draw.number(0.2, 0.95), cooldown=lambda: draw.randint(0, 9),
        patience=lambda: draw.randint(0, 12), threshold=lambda: draw.power(-5, -1), eps=lambda: draw.power(-9, -3),
        threshold_mode=lambda: draw.choice(("rel", "abs")), min_lr=lambda: draw.number(0, 0.02))


SCHEDULES = {**CHAINABLE, "CosineAnnealingWarmRestarts": warm_restarts, "CyclicLR": cyclic, "OneCycleLR": one_cycle,
             "ReduceLROnPlateau": plateau, "SequentialLR": None, "ChainedScheduler": None}


def schedule(draw, name, steps):
    """Its text."""
    if name in ("SequentialLR", "ChainedScheduler"):
        parts = [schedule(draw, draw.choice(list(CHAINABLE)), steps) for _ in range(draw.randint(1, 3))]
        if name == "ChainedScheduler":
            return f"{name}([{', '.join(parts)}])"
        milestones = sorted(draw.sample(range(1, steps), len(parts) - 1))
        return f"{name}(optimizer, [{', '.join(parts)}], {milestones})"
    first, others = SCHEDULES[name](draw, steps)
    return call(name, others, ["optimizer", *map(str, first)])


# ---- schedules by themselves ----

def group_of(optimizer, text):
    """The group of a parameter after each step's rate has been listed."""
    rates, metrics = [], []
    scheduler = make_schedule(optimizer, text)
    values = random.Random(text)
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if text.startswith("ReduceLROnPlateau"):
            metrics.append(1 / (1 + step / 30) + 0.02 * values.random())
            scheduler.step(metrics[-1])
        else:
            scheduler.step()
    return rates, metrics, optimizer.param_groups[0]


def check_schedule(build, work, draw):
    name = draw.choice(list(SCHEDULES))
    text = schedule(draw, name, STEPS)
    optim = draw.choice(("SGD(lr=0.05, momentum=0.9)", "RMSprop(lr=0.05, momentum=0.5)") if name == "CyclicLR" else
                        ("SGD(lr=0.05, momentum=0.9)", "Adam(lr=0.05)", "AdamW(lr=0.07, betas=(0.8, 0.9))"))
    model = nn.Linear(2, 2)
    optimizer = eval("torch.optim." + optim.replace("(", "(model.parameters(), ", 1))
    rates, metrics, group = group_of(optimizer, text)
    numpy.savez(f"{work}/data.npz", x=numpy.zeros((2, 2), numpy.float32), y=numpy.arange(2))
    with open(f"{work}/metrics", "w") as file:
        file.write("\n".join(map(repr, metrics)))
    found = train_program(build, f"{work}/data.npz", "Linear(2, 2)", optim=optim, batch=2, schedule=text, epochs=STEPS,
                          metrics=f"{work}/metrics", checkpoint=f"{work}/end.pt")
    largest = max(map(abs, rates))
    for step, (there, (_, here)) in enumerate(zip(rates, found, strict=True)):
        assert abs(there - here) <= RATES * largest, f"{optim}, {text}, step {step}: PyTorch's {there!r}, found {here!r}"
    end = torch.load(f"{work}/end.pt")["optimizer_state_dict"]["param_groups"][0]
    for key in ("momentum", "betas"):
        there, here = numpy.array(group.get(key, 0)), numpy.array(end.get(key, 0))
        assert (abs(there - here) <= RATES).all(), f"{optim}, {text}: {key} {there}, found {here}"
    return [name]


# ---- training ----

def network(draw, features, outputs):
    width = draw.randint(3, 9)
    between = [draw.choice(("Tanh()", "GELU()", "SiLU()", "Softplus()", "Sigmoid()", "Mish()"))]
    if draw.random() < 0.4:
        between.insert(0, draw.choice((f"LayerNorm({width})", f"BatchNorm1d({width})")))
    if draw.random() < 0.3:
        between.append("Dropout(0.3)")
    return f"Sequential(Linear({features}, {width}), {', '.join(between)}, Linear({width}, {outputs}))"


class Training:
    """A script, and what `linnet train` is given for it."""

    def __init__(self, draw):
        self.seed = draw.randrange(2**31)
        torch.manual_seed(self.seed)
        rows, features, outputs = draw.randint(14, 40), draw.randint(2, 6), draw.randint(2, 5)
        self.epochs, self.batch = draw.randint(1, 4), draw.randint(4, 9)
        if rows % self.batch == 1:
            rows += 1  # BatchNorm1d takes two
        self.x = torch.randn(rows, features, dtype=torch.float64)
        kind = draw.choice(list(LOSSES))
        targets, arguments = LOSSES[kind]
        self.y, self.loss = targets(draw, outputs, rows), call(kind.split()[0], arguments(draw, outputs))
        self.model = network(draw, features, outputs)
        # Of outputs that come to 1, as they do uphill and along L-BFGS's line, 1 - output is rounding alone.
        saturates = kind == "BCELoss"
        self.optimizer = draw.choice([name for name in OPTIMIZERS if not (saturates and name == "LBFGS")])
        chosen = OPTIMIZERS[self.optimizer](draw)
        if saturates:
            self.model = self.model[:-1] + ", Sigmoid())"
            chosen.pop("maximize", None)
        self.optim, self.used = call(self.optimizer, chosen), [kind, self.optimizer]
        whole = self.optimizer == "LBFGS"  # takes its steps itself, by the loss's own gradient
        self.weights = torch.rand(rows, dtype=torch.float64) * 2 if draw.random() < 0.3 else None
        self.accumulate = draw.choice((1, 1, 2)) if "BatchNorm" not in self.model and "Dropout" not in self.model else 1
        self.clip = () if whole else draw.choice(((), (), ("norm", draw.power(-2, 0)), ("value", draw.power(-3, -1))))
        self.no_decay = draw.choice(("bias", "norm", "bias,norm")) if "weight_decay" in chosen and draw.flag() else "none"
        self.average = draw.choice(((), (), ("ema", draw.number(0.5, 0.99)), ("swa", draw.randint(1, self.epochs))))
        self.schedule = None
        if draw.random() < 0.3:
            self.draw_schedule(draw, rows, chosen)

    def draw_schedule(self, draw, rows, chosen):
        steps = self.epochs * -(-rows // (self.batch * self.accumulate))
        names = [name for name in SCHEDULES if name not in ("ReduceLROnPlateau", "SequentialLR")
                 and (name != "CyclicLR" or "momentum" in chosen)]
        name = draw.choice(names)
        self.schedule = schedule(draw, name, max(steps, 4))
        if name == "OneCycleLR" and "momentum" not in chosen and "Adam" not in self.optimizer:
            self.schedule = re.sub(", cycle_momentum=(True|False)", "", self.schedule)[:-1] + ", cycle_momentum=False)"
        self.used.append(name)

    def __str__(self):
        return (f"{self.model}, {self.loss}, {self.optim}, schedule {self.schedule}, batch {self.batch}, accumulate "
                f"{self.accumulate}, epochs {self.epochs}, clip {self.clip}, no decay {self.no_decay}, average "
                f"{self.average}, rows {len(self.x)}{'' if self.weights is None else ' that have weights'}")

    def groups(self, model):
        plain, exempt = [], []
        for module in model.modules():
            norm = isinstance(module, (nn.LayerNorm, nn.BatchNorm1d))
            for name, parameter in module.named_parameters(recurse=False):
                free = "bias" in self.no_decay and name == "bias" or "norm" in self.no_decay and norm
                (exempt if free else plain).append(parameter)
        return [{"params": plain}, {"params": exempt, "weight_decay": 0}] if self.no_decay != "none" else plain

    def losses(self):
        """The loss as it is written, and row by row, and what each row weighs in its mean."""
        text = self.loss.replace("[", "torch.tensor([").replace("]", "], dtype=torch.float64)")
        mean, alone = eval("nn." + text), eval("nn." + text)
        alone.reduction = "none"

        def weights(y, w):
            if y.is_floating_point():
                return w
            of_class = alone.weight[y] if alone.weight is not None else torch.ones_like(w)
            return w * of_class * (y != alone.ignore_index)

        def rows(outputs, y, w):
            values = alone(outputs, y)
            each = values.flatten(1).mean(1) if values.dim() > 1 else values
            total = values.flatten(1).sum(1) if values.dim() > 1 else values
            return (w * (total if mean.reduction == "sum" else each)), w * each

        return mean, weights, rows

    def run(self, moved=False):
        """The script; returns the trained values by name and the losses of the epochs. moved: rounded otherwise."""
        signs = numpy.random.default_rng(self.seed)
        torch.manual_seed(self.seed)
        torch.set_default_dtype(torch.float64)
        model = eval(self.model, dict(vars(nn)))
        torch.set_default_dtype(torch.float32)
        update = eval("torch.optim." + self.optim.replace("(", "(self.groups(model), ", 1), {"torch": torch, "self": self,
                                                                                            "model": model})
        scheduler = make_schedule(update, self.schedule) if self.schedule else None
        each_batch = self.schedule is not None and self.schedule.startswith(("OneCycle", "Cyclic"))
        mean, weigh, rows_of = self.losses()
        w = torch.ones(len(self.x), dtype=torch.float64) if self.weights is None else self.weights
        loader = DataLoader(TensorDataset(self.x, self.y, w), batch_size=self.batch * self.accumulate, shuffle=True)
        kind = self.average[0] if self.average else None
        averaged = AveragedModel(model, avg_fn=(lambda a, new, count: a + (1 - self.average[1]) * (new - a))
                                 if kind == "ema" else None)
        model.train()
        epochs = []
        for epoch in range(self.epochs):
            sums = []
            for x_of, y_of, w_of in loader:
                first = []

                def closure():
                    update.zero_grad()
                    weight = weigh(y_of, w_of).sum()
                    outputs = model(x_of)
                    if moved:
                        outputs = outputs * (1 - 2**-53 * torch.from_numpy(signs.integers(0, 2, outputs.shape)))
                    total, means = (part.sum() for part in rows_of(outputs, y_of, w_of))
                    loss = mean(outputs, y_of) if self.weights is None else \
                        total if mean.reduction == "sum" else total / weight
                    if weight == 0:
                        loss = 0 * outputs.sum()
                    loss.backward()
                    largest = max(float(parameter.grad.abs().max()) for parameter in model.parameters())
                    for parameter in model.parameters() if moved else ():
                        parameter.grad += largest * 2**-52 * torch.from_numpy(signs.choice((-1.0, 1.0), parameter.shape))
                    first.append((means.item(), weight.item()))
                    return loss

                if self.optimizer == "LBFGS":
                    update.step(closure)
                else:
                    closure()
                    if self.clip:
                        getattr(nn.utils, f"clip_grad_{self.clip[0]}_")(model.parameters(), self.clip[1])
                    update.step()
                sums.append(first[0])
                if kind == "ema":
                    averaged.update_parameters(model)
                if each_batch:
                    scheduler.step()
            if scheduler and not each_batch:
                scheduler.step()
            if kind == "swa" and epoch + 1 >= self.average[1]:
                averaged.update_parameters(model)
            total, weight = numpy.sum(sums, 0)
            epochs.append(total / weight)
        if kind == "swa":
            update_bn(loader, averaged)
        elif kind == "ema":  # as PyTorch 2 does: PyTorch 1 leaves the buffers as they were first
            for there, here in zip(averaged.module.buffers(), model.buffers()):
                there.copy_(here)
        return dict((averaged.module if kind else model).state_dict(), loss=torch.tensor(epochs, dtype=torch.float64))

    def linnet(self, build, work):
        arrays = {"x": self.x.numpy(), "y": self.y.numpy()}
        if self.weights is not None:
            arrays["w"] = self.weights.numpy()
        numpy.savez(f"{work}/data.npz", **arrays)
        words = [f"{build}/linnet", "train", f"{work}/data.npz", "--model", self.model, "--loss", self.loss, "--optim",
                 self.optim, "--dtype", "float64", "--rng", RNG, "--seed", self.seed, "--batch-size", self.batch,
                 "--epochs", self.epochs, "--accumulate", self.accumulate, "--no-decay", self.no_decay, "--keep", "last",
                 "--threads", 1, "--history", f"{work}/history.jsonl", "-o", f"{work}/model.pt"]
        words += ["--sample-weight", "w"] if self.weights is not None else []
        words += [f"--clip-grad-{self.clip[0]}", self.clip[1]] if self.clip else []
        words += [f"--{self.average[0]}", self.average[1]] if self.average else []
        words += ["--schedule", self.schedule] if self.schedule else []
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
        assert done.returncode == 0, f"{self}\n{done.stderr}"
        with open(f"{work}/history.jsonl") as lines:
            losses = [json.loads(line)["loss"] for line in lines]
        return dict(torch.load(f"{work}/model.pt"), loss=torch.tensor(losses, dtype=torch.float64))


magnified = 0
diverged = 0


def check_training(build, work, draw):
    global magnified, diverged
    case = Training(draw)
    try:
        expected, moved = case.run(), case.run(moved=True)
    except ZeroDivisionError:  # LBFGS's line
        expected = {"weight": torch.tensor(numpy.inf)}
    if not all(bool((value.abs() < TOO_LARGE).all()) for name, value in expected.items() if name != "loss"):
        diverged += 1
        return case.used
    found = case.linnet(build, work)
    assert list(found) == list(expected), f"{case}: expected {list(expected)}, found {list(found)}"
    distance = {name: float((moved[name].double() - value.double()).abs().max()) for name, value in expected.items()}
    spread = max(distance.values())
    largest = max(float(value.abs().max()) for name, value in expected.items() if value.is_floating_point())
    magnified += MAGNIFIED * spread > TOLERANCE * largest
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, f"{case}: {name} is {found[name].dtype}"
        apart = float((found[name].double() - value.double()).abs().max())
        assert apart <= TOLERANCE * largest + MAGNIFIED * spread, \
            f"{case}\n{name} differs by {apart:.1e}, of {largest:.1e}; PyTorch from itself by {spread:.1e}"
    return case.used


def main():
    build = os.path.realpath(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    torch.set_num_threads(1)
    used = {}
    for seed in range(first, first + cases):
        draw = Draw(seed)
        with tempfile.TemporaryDirectory(prefix="linnet-optim-") as work:
            try:
                for name in draw.choice((check_schedule, check_training, check_training))(build, work, draw):
                    used[name] = used.get(name, 0) + 1
            except AssertionError as problem:
                sys.exit(f"seed {seed}: {problem}")
    missing = [name for name in (*LOSSES, *OPTIMIZERS, *SCHEDULES) if name not in used]
    if missing and cases >= 400:
        sys.exit(f"never drawn: {', '.join(missing)}")
    print(f"PyTorch {torch.__version__}: {cases} cases agree, of which {magnified} magnify rounding and {diverged} diverge:",
          ", ".join(f"{count} {name}" for name, count in sorted(used.items())))


if __name__ == "__main__":
    main()
