"""interop_metrics.py - `linnet eval --json` beside scikit-learn, on random cases drawn from a seed.

    /usr/bin/python3 scripts/interop_metrics.py BUILD [CASES [SEED]]

BUILD holds `linnet` and `scores`. A model without weights gives its features as logits. scikit-learn gets the
probabilities that Linnet worked out (they are held against NumPy's on their own), so that ties are the same
ties, and each figure has to be within 1e-12 of scikit-learn's; or undefined where that refuses, warns or falls
back to a constant.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

TOLERANCE = 1e-12


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


def write_model(path, outputs, **metadata):
    header = json.dumps({"__metadata__": {"linnet.model": "Identity()", "linnet.version": "0.1.0",
                                          "linnet.input": json.dumps({"shape": [outputs]}), **metadata}})
    header = header.encode() + b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)


def agree(name, found, expected):
    """None is undefined."""
    if expected is None or found is None:
        assert expected is None and found is None, f"{name}: expected {expected}, found {found}"
    else:
        assert abs(found - expected) <= TOLERANCE * max(1, abs(expected)), \
            f"{name}: expected {expected!r}, found {found!r}"


def defined(function, *arguments, **options):
    """What scikit-learn says, or None where it cannot say."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UndefinedMetricWarning)
        try:
            return float(function(*arguments, **options))
        except (ValueError, UndefinedMetricWarning):
            return None


def each(function, *arguments, **options):
    """A list of figures; None where zero_division decides."""
    at0 = function(*arguments, average=None, zero_division=0, **options)
    at1 = function(*arguments, average=None, zero_division=1, **options)
    return [float(a) if a == b else None for a, b in zip(at0, at1)]


# ---- one class a row ----


def draw_classes(rng):
    rows, classes = int(rng.integers(1, 300)), int(rng.choice([2, 2, 3, 4, 7, 30]))
    if rng.random() < 0.3:  # many ties
        logits = rng.integers(-2, 3, (rows, classes)) / 2
    else:
        logits = rng.normal(size=(rows, classes)) * rng.choice([0.1, 1, 20])
    labels = rng.integers(0, classes, rows)
    kind = rng.random()
    if kind < 0.1:
        labels[:] = rng.integers(0, classes)
    elif kind < 0.3:  # a class without rows
        labels = np.where(labels == classes - 1, 0, labels)
    elif kind < 0.6:  # mostly right
        logits[np.arange(rows), labels] += logits.std()
    if rng.random() < 0.2:  # a class that is never predicted
        logits[:, rng.integers(0, classes)] -= 50
    return logits.astype(np.float32), labels


def brier(labels, p):
    wanted = np.eye(p.shape[1])[labels]
    return float(((p - wanted) ** 2)[:, 1 if p.shape[1] == 2 else 0:].sum(1).mean())


def calibration(right, confidence, bins=15):
    """As its definition reads; scikit-learn has none."""
    error = 0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins) | (confidence == 0) & (i == 0)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(error)


def precision_at(positive, p):
    """Undefined where no row is of the class; scikit-learn says 0 then."""
    return float(sk.average_precision_score(positive, p)) if positive.any() else None


def check_classes(rng, tools):
    logits, labels = draw_classes(rng)
    classes = logits.shape[1]
    write_model("model.safetensors", classes)
    np.savez("data.npz", x=logits, y=labels)
    found = json.loads(run(tools.linnet, "eval", "model.safetensors", "data.npz", "--json"))
    run(tools.scores, "model.safetensors", "data.npz", "scores.f64")
    p = np.fromfile("scores.f64").reshape(logits.shape)
    wide = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    assert np.abs(p - wide / wide.sum(1, keepdims=True)).max() < 1e-15, "probabilities"

    predicted = logits.argmax(1)
    everything = list(range(classes))
    whole = {"zero_division": 0}
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.recall_score(labels, predicted, average="macro", labels=np.unique(labels)),
        "log_loss": float(-np.log(p[np.arange(len(labels)), labels]).mean())
        if (p > 0).all() else found["figures"]["log_loss"],
        "brier_score": sk.brier_score_loss(labels, p[:, 1]) if classes == 2 else brier(labels, p),
        "calibration_error": calibration(predicted == labels, p.max(1)),
    }
    if (p > 1e-15).all():
        agree("log_loss", found["figures"]["log_loss"], sk.log_loss(labels, p, labels=everything, eps=1e-300))
    for name in "precision", "recall", "f1":
        function = getattr(sk, name + "_score")
        for average in "macro", "weighted", "micro":
            expected[f"{name}_{average}"] = function(labels, predicted, average=average, **whole)
        for c, value in enumerate(each(function, labels, predicted, labels=everything)):
            agree(f"{name} of class {c}", found["classes"][c][name], value)
    one = len(set(labels)) == 1 or len(set(predicted)) == 1
    expected["matthews_corrcoef"] = None if one else sk.matthews_corrcoef(labels, predicted)
    areas = [defined(sk.roc_auc_score, labels == c, p[:, c]) for c in everything]
    precisions = [precision_at(labels == c, p[:, c]) for c in everything]
    if classes == 2:
        expected["roc_auc"] = expected["roc_auc_weighted"] = areas[1]
        expected["average_precision"] = precisions[1]
    else:
        for name, average in ("roc_auc", "macro"), ("roc_auc_weighted", "weighted"):
            expected[name] = defined(sk.roc_auc_score, labels, p, multi_class="ovr", average=average,
                                     labels=everything) if len(set(labels)) == classes else None
        expected["average_precision"] = None if None in precisions else float(np.mean(precisions))
    for name, value in expected.items():
        agree(name, found["figures"][name], value)
    assert abs(found["figures"]["loss"] - found["figures"]["log_loss"]) < 1e-5 * max(1, found["loss"])
    for c in everything:
        agree(f"AUC of class {c}", found["classes"][c]["roc_auc"], areas[c])
        agree(f"AP of class {c}", found["classes"][c]["average_precision"], precisions[c])
    assert found["confusion"] == sk.confusion_matrix(labels, predicted, labels=everything).tolist()
    for k, value in enumerate(found["top_k_accuracy"], 1):
        # Of equal scores scikit-learn takes the last class first, Linnet the first.
        top = 1 if k == classes else sk.top_k_accuracy_score(
            classes - 1 - labels, logits[:, ::-1] if classes > 2 else (logits[:, 0] - logits[:, 1] >= 0), k=k,
            labels=everything)
        agree(f"top-{k}", value, float(top))
    assert set(found["undefined"]) == {n for n, v in found["figures"].items() if v is None}


# ---- several labels a row ----


def draw_labels(rng):
    rows, labels = int(rng.integers(1, 300)), int(rng.choice([1, 2, 3, 5, 20]))
    if rng.random() < 0.3:  # many ties
        logits = rng.integers(-2, 3, (rows, labels)) / 2
    else:
        logits = rng.normal(size=(rows, labels)) * rng.choice([0.1, 1, 20])
    truth = rng.random((rows, labels)) < rng.choice([0.1, 0.5])
    kind = rng.random()
    if kind < 0.4:
        logits += (2 * truth - 1) * logits.std()
    elif kind < 0.6:  # a label that no row has, or all
        truth[:, rng.integers(0, labels)] = rng.random() < 0.5
    elif kind < 0.7:
        truth[:] = rng.random() < 0.5
    if rng.random() < 0.3:  # what is never predicted
        logits[:, rng.integers(0, labels)] -= 50
    return logits.astype(np.float32), truth.astype(np.int64)


def mean_of(values):
    return None if None in values else float(np.mean(values))


def weighted_mean(values, weights):
    return None if None in values or sum(weights) == 0 else float(np.average(values, weights=weights))


def log_loss_of(truth, logits):
    return float((np.logaddexp(0, logits) - truth * logits).mean())


def check_labels(rng, tools):
    logits, truth = draw_labels(rng)
    labels = logits.shape[1]
    write_model("model.safetensors", labels, **{"linnet.loss": "BCEWithLogitsLoss()"})
    np.savez("data.npz", x=logits, y=truth)
    found = json.loads(run(tools.linnet, "eval", "model.safetensors", "data.npz", "--json"))
    run(tools.scores, "model.safetensors", "data.npz", "scores.f64")
    p = np.fromfile("scores.f64").reshape(logits.shape)
    assert np.abs(p - 1 / (1 + np.exp(-logits.astype(float)))).max() < 1e-15, "probabilities"

    predicted = (logits > 0).astype(np.int64)
    # With one column scikit-learn takes 0 and 1 for two classes; of that the one of 1 is the label.
    one = labels == 1
    support = truth.sum(0)
    figures, classes = found["figures"], found["classes"]
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "hamming_loss": sk.hamming_loss(truth, predicted),
        "log_loss": log_loss_of(truth, logits.astype(float)),
        "brier_score": float(((p - truth) ** 2).mean()),
        "calibration_error": calibration(truth.ravel() == 1, p.ravel()),
    }
    for name in "precision", "recall", "f1":
        function = getattr(sk, name + "_score")
        for c in range(labels):
            value = [function(truth[:, c], predicted[:, c], zero_division=z) for z in (0, 1)]
            agree(f"{name} of label {c}", classes[c][name], float(value[0]) if value[0] == value[1] else None)
        if one:
            for average in "macro", "micro":
                agree(f"{name}_{average}", figures[f"{name}_{average}"] or 0, classes[0][name] or 0)
            continue
        for average in "macro", "weighted", "micro", "samples":
            value = float(function(truth, predicted, average=average, zero_division=0))
            nothing = {"weighted": support.sum(), "micro": {"precision": predicted.sum(), "recall": support.sum(),
                                                            "f1": predicted.sum() + support.sum()}[name]}
            expected[f"{name}_{average}"] = None if nothing.get(average, 1) == 0 else value
    areas = [defined(sk.roc_auc_score, truth[:, c], p[:, c]) for c in range(labels)]
    precisions = [precision_at(truth[:, c], p[:, c]) for c in range(labels)]
    expected["roc_auc"], expected["roc_auc_weighted"] = mean_of(areas), weighted_mean(areas, support)
    expected["average_precision"] = mean_of(precisions)
    expected["average_precision_weighted"] = weighted_mean(precisions, support)
    if None not in areas and not one:
        agree("roc_auc", figures["roc_auc"], sk.roc_auc_score(truth, p, average="macro"))
        agree("roc_auc_weighted", figures["roc_auc_weighted"], sk.roc_auc_score(truth, p, average="weighted"))
        agree("average_precision", figures["average_precision"], sk.average_precision_score(truth, p))
    for name, value in expected.items():
        agree(name, figures[name], value)
    for c in range(labels):
        agree(f"AUC of label {c}", classes[c]["roc_auc"], areas[c])
        agree(f"AP of label {c}", classes[c]["average_precision"], precisions[c])
        assert classes[c]["support"] == support[c] and classes[c]["predicted"] == predicted[:, c].sum()
    assert set(found["undefined"]) == {n for n, v in figures.items() if v is None}


# ---- numbers ----


def check_values(rng, tools):
    rows, outputs = int(rng.integers(1, 300)), int(rng.choice([1, 1, 2, 5]))
    truth = rng.normal(size=(rows, outputs)) * rng.choice([1e-3, 1, 1e6]) + rng.choice([0, 10])
    if rng.random() < 0.2:
        truth[:, 0] = 0.1
    given = (truth + rng.normal(size=truth.shape) * truth.std() * rng.choice([0, 0.1, 2])).astype(np.float32)
    write_model("model.safetensors", outputs, **{"linnet.loss": "MSELoss()"})
    np.savez("data.npz", x=given, y=truth)
    found = json.loads(run(tools.linnet, "eval", "model.safetensors", "data.npz", "--json"))
    given = given.astype(float)
    varies = [rows > 1 and len(set(truth[:, i])) > 1 for i in range(outputs)]
    expected = {
        "r2": float(sk.r2_score(truth, given)) if all(varies) else None,
        "mae": sk.mean_absolute_error(truth, given),
        "rmse": sk.mean_squared_error(truth, given, squared=False),
    }
    for name, value in expected.items():
        agree(name, found["figures"][name], value)
    for i, output in enumerate(found["outputs"]):
        agree(f"R2 of {i}", output["r2"],
              float(sk.r2_score(truth[:, i], given[:, i])) if varies[i] else None)
        agree(f"MAE of {i}", output["mae"], sk.mean_absolute_error(truth[:, i], given[:, i]))
        agree(f"RMSE of {i}", output["rmse"], sk.mean_squared_error(truth[:, i], given[:, i], squared=False))
    assert set(found["undefined"]) == {n for n, v in found["figures"].items() if v is None}


# ---- temperature ----


def check_temperature(rng, tools):
    """The loss under the temperature that is found is the least; SciPy finds none that is better."""
    several = rng.random() < 0.5
    logits, truth = draw_labels(rng) if several else draw_classes(rng)
    write_model("model.safetensors", logits.shape[1], **({"linnet.loss": "BCEWithLogitsLoss()"} if several else {}))
    np.savez("data.npz", x=logits, y=truth)
    done = subprocess.run([tools.linnet, "calibrate", "model.safetensors", "data.npz", "-o", "calibrated.safetensors"],
                          capture_output=True, text=True)
    z = logits.astype(float)

    def loss(power):
        scaled = z * 2.0 ** power
        return log_loss_of(truth, scaled) if several else \
            float((logsumexp(scaled, 1) - scaled[np.arange(len(truth)), truth]).mean())

    best = minimize_scalar(loss, bounds=(-40, 40), method="bounded", options={"xatol": 1e-9})
    if "no temperature is best" in done.stderr:  # at one end of the range, or of no slope at all
        assert loss(-40) <= best.fun + 1e-9 or loss(40) <= best.fun + 1e-9, done.stderr
        return
    assert done.returncode == 0, done.stderr
    found = json.loads(run(tools.linnet, "eval", "calibrated.safetensors", "data.npz", "--json"))
    assert found["figures"]["log_loss"] <= best.fun + 1e-12 * max(1, best.fun), (found["temperature"], 2.0 ** -best.x)
    agree("log loss under the temperature", found["figures"]["log_loss"], loss(-np.log2(found["temperature"])))
    plain = json.loads(run(tools.linnet, "eval", "model.safetensors", "data.npz", "--json"))
    for name in "accuracy", "f1_macro", "loss":
        assert found["figures"][name] == plain["figures"][name], name
    run(tools.linnet, "predict", "calibrated.safetensors", "data.npz", "-o", "p.npy")
    run(tools.scores, "calibrated.safetensors", "data.npz", "scores.f64")
    assert np.abs(np.load("p.npy") - np.fromfile("scores.f64").reshape(z.shape)).max() < 1e-6, "predict"


CHECKS = {"classes": check_classes, "labels": check_labels, "values": check_values,
          "temperature": check_temperature}


class Tools:
    def __init__(self, build):
        self.linnet = os.path.join(os.path.abspath(build), "linnet")
        self.scores = os.path.join(os.path.abspath(build), "scores")


def main():
    build, cases, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60, \
        int(sys.argv[3]) if len(sys.argv) > 3 else 1
    tools, work = Tools(build), tempfile.mkdtemp()
    os.chdir(work)
    for name, check in CHECKS.items():
        for case in range(cases):
            try:
                check(np.random.default_rng([seed, case]), tools)
            except AssertionError as failure:
                sys.exit(f"FAILED: {name}, case {case} of seed {seed}, in {work}: {failure}")
        print(f"{name}: {cases} cases agree, within {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
