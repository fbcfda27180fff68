"""interop_report.py - what `linnet train` leaves of a run, read by TensorBoard.

    /usr/bin/python3 scripts/interop_report.py BUILD

BUILD holds `linnet`; tensorboard comes from PyPI into BUILD/python, where it is missing.

  events   a run that is stopped and goes on: TensorBoard finds the figures of --history in --logdir, each
           step once, those of the second part where both went over a step
"""

import importlib
import json
import os
import struct
import subprocess
import sys
import tempfile

# The last one that takes Debian's protobuf.
TENSORBOARD = ["tensorboard==2.12.3", "absl-py==1.4.0"]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/cli/data")
TAGS = {"loss": "train/loss", "accuracy": "train/accuracy", "val_loss": "val/loss",
        "val_accuracy": "val/accuracy", "lr": "lr"}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


def check(good, *what):
    if not good:
        sys.exit("FAILED: " + " ".join(map(str, what)))


def import_accumulator(build):
    sys.path.append(os.path.join(build, "python"))
    name = "tensorboard.backend.event_processing.event_accumulator"
    try:
        module = importlib.import_module(name)
    except ImportError:
        run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action", "ignore",
            "--target", sys.path[-1], *TENSORBOARD)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
    return module.EventAccumulator


def as_float32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def check_events(linnet, accumulator, work):
    def train(epochs, *more):
        run(linnet, "train", os.path.join(DATA, "flowers.csv"), "-o", "f.safetensors", "--epochs", str(epochs),
            "--val-fraction", "0.2", "--schedule", "StepLR(3)", "--checkpoint", "run.pt", "--history", "run.jsonl",
            "--logdir", "logs/run", "--model", "Sequential(Linear(4, 8), ReLU(), Linear(8, classes))", *more)

    os.chdir(work)
    train(3)
    saved = open("run.pt", "rb").read()
    train(5, "--resume", "run.pt")
    # Killed and resumed from the checkpoint before: epochs 4 and 5 are gone over again.
    open("run.pt", "wb").write(saved)
    train(7, "--resume", "run.pt")
    history = [json.loads(line) for line in open("run.jsonl")]
    check([epoch["epoch"] for epoch in history] == [1, 2, 3, 4, 5, 6, 7], "epochs of the history", history)
    events = accumulator("logs/run")
    events.Reload()
    check(sorted(events.Tags()["scalars"]) == sorted(TAGS.values()), "tags", events.Tags())
    for key, tag in TAGS.items():
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        expected = [(epoch["epoch"], as_float32(epoch[key])) for epoch in history]
        check(found == expected, tag, "expected", expected, "found", found)
    check(len(os.listdir("logs/run")) == 3, "files", os.listdir("logs/run"))
    print("events: %d scalars of 3 files are those of the history" % (len(TAGS) * len(history)))


def main():
    build = os.path.abspath(sys.argv[1])
    linnet = os.path.join(build, "linnet")
    accumulator = import_accumulator(build)
    with tempfile.TemporaryDirectory() as work:
        check_events(linnet, accumulator, work)


main()
