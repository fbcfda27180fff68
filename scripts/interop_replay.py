"""interop_replay.py - the same run in PyTorch and in Linnet, live, from the same seed.

    /usr/bin/python3 scripts/interop_replay.py BUILD [CASES [SEED]]          checkpoints
    /usr/bin/python3 scripts/interop_replay.py BUILD demo [EPOCHS [OPTIM]]   the demo's data and model

BUILD is a build with its tests (it holds `train` and `linnet`); needs Debian's python3-torch and numpy.

  checkpoints  a run of three parts, PyTorch -> Linnet -> PyTorch, each going on from the other's
               checkpoint: its losses are those of the run that stayed in PyTorch, to 1e-6, and the
               generator ends in the same state, to the bit
  demo         Fashion-MNIST through the demo's model, dropout included: the losses of the first 1000
               steps differ by 1e-4 at most, the test accuracy by 0.05 points; 20 epochs are the whole run.
               Every random decision is the same; roundings grow with the optimizer's step, so that the
               default is SGD(lr=0.01) (docs/torch-parity.md)
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

IMAGES = "/usr/share/datasets/fashion-mnist/"
HEAD = "Sequential(Dropout(0.3), Linear(6, 16), ReLU(), Dropout(0.5), Linear(16, 4))"
DEMO = ("Sequential(Dropout(0.2), Linear(784, 1024), ReLU(), Dropout(0.5), Linear(1024, 1024), ReLU(), "
        "Linear(1024, 10))")
LR = torch.optim.lr_scheduler
warnings.simplefilter("ignore")


def build_model(text):
    return eval(text, {name: getattr(nn, name) for name in ("Sequential", "Linear", "ReLU", "Dropout")})


def make_schedule(optimizer, text):
    names = {name: getattr(LR, name) for name in dir(LR) if name.endswith("LR") or "Cosine" in name}
    names.update(optimizer=optimizer, ChainedScheduler=LR.ChainedScheduler,
                 ReduceLROnPlateau=LR.ReduceLROnPlateau)
    return eval(text, names)


class Run:
    """A PyTorch script: seed, model, DataLoader, optimizer, schedule."""

    def __init__(self, model, x, y, optim, batch, seed, schedule=None, no_decay=False):
        torch.manual_seed(seed)
        self.model = build_model(model)
        parameters = list(self.model.parameters())
        groups = [{"params": [p for p in parameters if p.dim() > 1]},
                  {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0}] if no_decay else parameters
        self.optimizer = eval("torch.optim." + optim.replace("(", "(groups, ", 1))
        self.scheduler = make_schedule(self.optimizer, schedule) if schedule else None
        self.each_batch = schedule is not None and schedule.startswith(("OneCycle", "Cyclic"))
        self.loader = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)

    def epochs(self, count, tell=lambda step: None):
        steps = []
        self.model.train()
        for _ in range(count):
            for x, y in self.loader:
                rate = self.optimizer.param_groups[0]["lr"]
                def closure():
                    self.optimizer.zero_grad()
                    loss = nn.functional.cross_entropy(self.model(x), y)
                    loss.backward()
                    return loss
                steps.append((self.optimizer.step(closure).item(), rate))
                tell(len(steps))
                if self.each_batch:
                    self.scheduler.step()
            if self.scheduler and not self.each_batch:
                self.scheduler.step()
        return steps

    def save(self, path, epoch):
        state = {"epoch": epoch, "model_state_dict": self.model.state_dict(),
                 "optimizer_state_dict": self.optimizer.state_dict(), "rng_state": torch.get_rng_state()}
        if self.scheduler:
            state["scheduler_state_dict"] = self.scheduler.state_dict()
        torch.save(state, path)

    def load(self, path):
        state = torch.load(path)
        self.model.load_state_dict(state["model_state_dict"])
        self.optimizer.load_state_dict(state["optimizer_state_dict"])
        if self.scheduler:
            self.scheduler.load_state_dict(state["scheduler_state_dict"])
        torch.set_rng_state(state["rng_state"])
        return state["epoch"]


def linnet(build, data, model, **options):
    """Runs tests/interop/train.c: (loss, learning rate) of each step."""
    words = [f"{key}={value}" for key, value in options.items() if value is not None]
    done = subprocess.run([f"{build}/train", data, model, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [tuple(map(float, line.split())) for line in done.stdout.splitlines()]


def small_data(work, draw, rows=23):
    torch.manual_seed(draw.randrange(1000))
    x, y = torch.randn(rows, 6), torch.randint(0, 4, (rows,))
    y[:4] = torch.arange(4)
    numpy.savez(f"{work}/data.npz", x=x.numpy(), y=y.numpy())
    return x, y, f"{work}/data.npz"


# ---- checkpoints ----

OPTIMIZERS = ["SGD(lr=0.05)", "SGD(lr=0.05, momentum=0.9, nesterov=True)", "SGD(lr=0.02, momentum=0.8, dampening=0.1)",
              "Adam(lr=0.01)", "Adam(lr=0.01, amsgrad=True, weight_decay=0.01)", "AdamW(lr=0.01, betas=(0.8, 0.99))",
              "NAdam(lr=0.01, eps=0.001, foreach=True)", "RAdam(lr=0.01, betas=(0.8, 0.9))",
              "RMSprop(lr=0.01, eps=0.001, momentum=0.5)", "RMSprop(lr=0.01, eps=0.1, centered=True)",
              "LBFGS(lr=0.02, max_iter=3, history_size=5)",
              "Adagrad(lr=0.02, eps=0.001, lr_decay=0.01, initial_accumulator_value=0.1)"]
SCHEDULES = [None, "StepLR(optimizer, 2)", "CosineAnnealingLR(optimizer, 9)", "MultiStepLR(optimizer, [2, 4, 4], 0.5)",
             "LinearLR(optimizer)", "CosineAnnealingWarmRestarts(optimizer, 2, 2)", "PolynomialLR(optimizer, 8, 2)",
             "SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=2), ExponentialLR(optimizer, 0.8)], [3])"]


def check_checkpoint(build, work, draw):
    x, y, data = small_data(work, draw, draw.randint(9, 40))
    optim, schedule = draw.choice(OPTIMIZERS), draw.choice(SCHEDULES)
    batch, seed = draw.randint(3, 9), draw.randrange(2**31)
    parts = [draw.randint(0, 3), draw.randint(1, 3), draw.randint(1, 3)]
    no_decay = "LBFGS" not in optim and draw.random() < 0.3
    what = f"{optim}, {schedule}, no decay of biases {no_decay}, batch {batch}, seed {seed}, epochs {parts}"
    whole = Run(HEAD, x, y, optim, batch, seed, schedule, no_decay)
    expected = whole.epochs(sum(parts))
    end = torch.get_rng_state()

    first = Run(HEAD, x, y, optim, batch, seed, schedule, no_decay)
    found = first.epochs(parts[0])
    first.save(f"{work}/torch.pt", parts[0])
    found += linnet(build, data, HEAD, optim=optim, schedule=schedule, batch=batch, seed=seed, epochs=parts[1],
                    no_decay=int(no_decay),
                    resume=f"{work}/torch.pt", checkpoint=f"{work}/linnet.pt")
    last = Run(HEAD, x, y, optim, batch, draw.randrange(99), schedule, no_decay)
    assert last.load(f"{work}/linnet.pt") == parts[0] + parts[1], what
    found += last.epochs(parts[2])
    assert torch.equal(torch.get_rng_state(), end), what
    for step, (there, here) in enumerate(zip(expected, found, strict=True)):
        assert abs(there[0] - here[0]) <= 1e-6 * max(1, abs(there[0])), f"{what}, step {step}: {there[0]}, {here[0]}"
        assert abs(there[1] - here[1]) <= 1e-15, f"{what}, step {step}: rates {there[1]!r}, {here[1]!r}"


# ---- the demo's data ----

def read_idx(name, head):
    import gzip
    with gzip.open(IMAGES + name) as file:
        return torch.frombuffer(bytearray(file.read()[head:]), dtype=torch.uint8)


def demo(build, work, epochs, optim):
    flat = lambda name: read_idx(name, 16).view(-1, 784).float() * (1 / 255)
    labels = lambda name: read_idx(name, 8).long()
    run = Run(DEMO, flat("train-images-idx3-ubyte.gz"), labels("train-labels-idx1-ubyte.gz"), optim, 128, 42)
    expected = [loss for loss, _ in run.epochs(epochs)]
    run.model.eval()
    with torch.no_grad():
        guessed = run.model(flat("t10k-images-idx3-ubyte.gz")).argmax(1)
    accuracy = (guessed == labels("t10k-labels-idx1-ubyte.gz")).float().mean().item()
    found = [loss for loss, _ in linnet(
        build, IMAGES + "train-images-idx3-ubyte.gz", DEMO.replace("(", "(Flatten(), ", 1), optim=optim, batch=128,
        labels=IMAGES + "train-labels-idx1-ubyte.gz", scale=255, seed=42, epochs=epochs,
        output=f"{work}/demo.safetensors")]
    measured = subprocess.run(
        [f"{build}/linnet", "eval", f"{work}/demo.safetensors", IMAGES + "t10k-images-idx3-ubyte.gz", "--labels",
         IMAGES + "t10k-labels-idx1-ubyte.gz", "--json"], check=True, capture_output=True, text=True)
    here = json.loads(measured.stdout)["accuracy"]
    apart = max(abs(a - b) for a, b in zip(expected[:1000], found[:1000], strict=True))
    print(f"{epochs} epochs of Fashion-MNIST, {optim}: the losses of the first {min(len(found), 1000)} steps differ by "
          f"{apart:.1e} at most; test accuracy {accuracy:.4f} in PyTorch, {here:.4f} in Linnet")
    assert apart <= 1e-4, "losses"
    assert abs(accuracy - here) <= 0.0005 + 1e-9, "accuracy"


def main():
    build = os.path.realpath(sys.argv[1])
    if len(sys.argv) > 2 and sys.argv[2] == "demo":
        with tempfile.TemporaryDirectory(prefix="linnet-replay-") as work:
            demo(build, work, int(sys.argv[3]) if len(sys.argv) > 3 else 20,
                 sys.argv[4] if len(sys.argv) > 4 else "SGD(lr=0.01)")
        return
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    torch.set_num_threads(1)
    for seed in range(first, first + cases):
        draw = random.Random(seed)
        with tempfile.TemporaryDirectory(prefix="linnet-replay-") as work:
            try:
                check_checkpoint(build, work, draw)
            except AssertionError as problem:
                sys.exit(f"seed {seed}: {problem}")
    print(f"PyTorch {torch.__version__}: {cases} runs went from one to the other and back as if they had stayed")


if __name__ == "__main__":
    main()
