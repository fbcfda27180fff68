#!/usr/bin/env python3
"""interop_float64.py BUILD - holds `linnet train --dtype float64` and `linnet predict` against a live
PyTorch: every module, losses and optimizers in double, initial weights to the bit, ten steps of training and
the outputs to 1e-12.

Torch's generator draws weights, order and masks in both, so that nothing but rounding may differ. Prints a
line a case and exits 1 where one is off."""
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

LINNET = os.path.join(os.path.abspath(sys.argv[1]), "linnet")
ROWS, FEATURES, CLASSES, BATCH = 80, 12, 5, 8
RNG = "torch-mkl" if torch.backends.mkl.is_available() else "torch"
if "CPU capability usage: NO AVX" in torch.__config__.show() or "CPU capability usage: DEFAULT" in torch.__config__.show():
    RNG += "-default"

BETWEEN = ["ELU()", "SELU()", "CELU(alpha=0.7)", "LeakyReLU(0.1)", "ReLU6()", "GELU()", "GELU(approximate='tanh')",
           "SiLU()", "Mish()", "Softplus(beta=1.3)", "Softsign()", "Tanh()", "Sigmoid()", "LogSigmoid()",
           "Hardtanh()", "Hardswish()", "Hardsigmoid()", "Hardshrink()", "Softshrink()", "Tanhshrink()",
           "Threshold(0.1, 0.2)", "ReLU()", "PReLU()", "PReLU(16)", "RReLU()", "Dropout(0.4)", "AlphaDropout(0.2)",
           "LayerNorm(16)", "LayerNorm(16, elementwise_affine=False)", "BatchNorm1d(16)",
           "BatchNorm1d(16, momentum=None)", "Softmax(dim=1)", "LogSoftmax(dim=1)", "Softmin(dim=1)"]
OPTIMS = ["SGD(lr=0.1)", "SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)", "Adam(lr=0.01)",
          "Adam(lr=0.01, amsgrad=True, weight_decay=0.1)", "AdamW(lr=0.01)", "NAdam(lr=0.01, foreach=True)", "RAdam(lr=0.01)",
          "RMSprop(lr=0.01, momentum=0.5, centered=True)", "Adagrad(lr=0.05, lr_decay=0.1)"]
# PyTorch's own slopes of these are rounded to float32 on the way (1 / alpha, 1 / 6).
ROUGH = ("CELU", "Hardsigmoid")
LOSSES = ["CrossEntropyLoss()", "CrossEntropyLoss(weight=torch.tensor([1, 2, 0.3, 1, 0.7]), label_smoothing=0.1)",
          "CrossEntropyLoss(reduction='sum', ignore_index=2)", "NLLLoss()",
          "BCEWithLogitsLoss(pos_weight=torch.tensor([1, 2, 0.3, 1, 0.7]))", "BCELoss()", "MSELoss()", "L1Loss()",
          "SmoothL1Loss(beta=0.3)", "HuberLoss(delta=0.7)"]
MODEL = "Sequential(Linear(12, 16), %s, Linear(16, 5))"


def cases():
    for module in BETWEEN:
        yield MODEL % module, OPTIMS[1], LOSSES[0]
    yield "Sequential(Linear(12, 16), GLU(), Linear(8, 5))", OPTIMS[1], LOSSES[0]
    for optim in OPTIMS:
        yield MODEL % "Tanh()", optim, LOSSES[0]
    for loss in LOSSES[1:]:
        yield (MODEL if loss != "BCELoss()" else MODEL[:-1] + ", Sigmoid())") % "GELU()", OPTIMS[0], loss


def labels_of(loss):
    """The array of labels that a loss takes."""
    return "y" if loss.startswith(("CrossEntropy", "NLL")) else "labels" if loss.startswith("BCE") else "numbers"


def outputs_of(loss, logits):
    """What predict gives."""
    if labels_of(loss) == "y":
        return torch.softmax(logits, 1)
    return torch.sigmoid(logits) if loss.startswith("BCEWithLogits") else logits


def torch_train(text, optim, loss, x, y):
    """As a script in PyTorch does; returns the initial and the trained state_dict, and the probabilities."""
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    model = eval(text, dict(vars(torch.nn)))
    first = {k: v.clone() for k, v in model.state_dict().items()}
    criterion = eval("torch.nn." + loss, {"torch": torch})
    torch.set_default_dtype(torch.float32)  # as after model.double(): NAdam keeps its product so
    optimizer = eval("torch.optim." + optim.replace("(", "(model.parameters(), ", 1), {"torch": torch, "model": model})
    data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    for rows, labels in torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True):
        optimizer.zero_grad()
        criterion(model(rows), labels).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(x))
    return first, model.state_dict(), outputs_of(loss, logits).numpy()


def linnet(*arguments):
    run = subprocess.run([LINNET, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit("linnet %s: %s" % (" ".join(arguments), run.stderr))
    return run.stdout


def linnet_train(folder, epochs, text, optim, loss):
    path = os.path.join(folder, "model.pt")
    linnet("train", os.path.join(folder, "data.npz"), "--model", text, "--optim", optim, "--loss",
           loss.replace("torch.tensor(", "").replace("])", "]"), "--y", labels_of(loss), "--batch-size", str(BATCH),
           "--epochs", str(epochs),
           "--seed", "3", "--rng", RNG, "--dtype", "float64", "--keep", "last", "-o", path)
    return path


def apart(a, b):
    """The largest distance, relative to the size of what it is of."""
    worst = 0.0
    for name, tensor in a.items():
        there, here = tensor.double().numpy(), b[name].double().numpy()
        if b[name].dtype != tensor.dtype:
            return float("inf")
        if here.size:
            worst = max(worst, float(np.max(np.abs(there - here)) / max(np.max(np.abs(here)), 1e-300)))
    return worst


def main():
    random = np.random.default_rng(5)
    x = random.standard_normal((ROWS, FEATURES))
    y = random.integers(0, CLASSES, ROWS)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        labels = {"y": y, "labels": random.random((ROWS, CLASSES)), "numbers": random.standard_normal((ROWS, CLASSES))}
        np.savez(os.path.join(folder, "data.npz"), x=x, **labels)
        for text, optim, loss in cases():
            first, trained, outputs = torch_train(text, optim, loss, x, labels[labels_of(loss)])
            begun = torch.load(linnet_train(folder, 0, text, optim, loss))
            same = all(torch.equal(first[k], begun[k]) for k in first)
            path = linnet_train(folder, 1, text, optim, loss)
            weights = apart(trained, torch.load(path))
            out = os.path.join(folder, "p.npy")
            linnet("predict", path, os.path.join(folder, "data.npz"), "-o", out)
            p = np.load(out)
            probabilities = float(np.max(np.abs(p - outputs))) if p.dtype == np.float64 else float("inf")
            limit = 1e-7 if any(name in text for name in ROUGH) else 1e-12
            good = same and weights < limit and probabilities < limit
            bad += not good
            print("%-8s weights %.1e, outputs %.1e%s  %s, %s, %s" %
                  ("ok" if good else "OFF", weights, probabilities, "" if same else ", OTHER INITIAL WEIGHTS", text,
                   optim, loss))
    sys.exit("%d cases are off" % bad if bad else 0)


if __name__ == "__main__":
    main()
