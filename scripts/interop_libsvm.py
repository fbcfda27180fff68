"""interop_libsvm.py - libsvm files beside scikit-learn's load_svmlight_file, on random cases drawn from a seed.

    /usr/bin/python3 scripts/interop_libsvm.py BUILD [CASES [SEED]]

Each file is written by dump_svmlight_file, or by hand with the liberties that the format allows, and has to be
converted to the same rows and labels that scikit-learn reads.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.datasets import dump_svmlight_file, load_svmlight_file


def draw(rng):
    """A sparse table of float32, an index 0 in it or not, and its labels: classes, numbers or several a row."""
    rows, columns = int(rng.integers(1, 40)), int(rng.integers(1, 30))
    x = rng.standard_normal((rows, columns)) * 10.0 ** rng.integers(-20, 20, (rows, columns))
    x = np.where(rng.random((rows, columns)) < rng.random(), x.astype(np.float32), 0)
    x[0, 0] = 1
    kind = ("classes", "numbers", "several")[rng.integers(3)]
    if kind == "several":
        y = (rng.random((rows, int(rng.integers(2, 6)))) < 0.4).astype(float)
        y[0, :2] = 1
    else:
        y = rng.integers(0, 5, rows) if kind == "classes" else rng.standard_normal(rows)
    return kind, x, y


def write_by_hand(path, kind, x, y, base, rng):
    """Comments, empty lines, query ids, blanks of both kinds, zeros that are written out."""
    query = rng.random() < 0.3
    with open(path, "w") as file:
        for row, label in zip(x, y):
            if rng.random() < 0.2:
                file.write(rng.choice(["\n", "# a comment 1:2\n", "   # another\n"]))
            text = ",".join(str(i) for i in np.flatnonzero(label)) if kind == "several" else repr(float(label))
            pairs = [f"{i + base}:{v!r}" for i, v in enumerate(row.tolist()) if v != 0 or rng.random() < 0.1]
            words = [text] + (["qid:7"] if query else []) + pairs
            file.write(rng.choice([" ", "\t", "  "]).join(words))
            file.write(rng.choice(["\n", " \n", " # end\n", "\r\n"]))


def check(rng, linnet):
    kind, x, y = draw(rng)
    base = int(rng.integers(2))
    if rng.random() < 0.5:
        dump_svmlight_file(x, y, "x.svm", zero_based=base == 0, multilabel=kind == "several")
    else:
        write_by_hand("x.svm", kind, x, y, base, rng)
    read, labels = load_svmlight_file("x.svm", multilabel=kind == "several", zero_based="auto")
    done = subprocess.run([linnet, "convert", "x.svm", "x.npz"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load("x.npz") as found:
        assert found["x"].dtype == np.float32 and found["x"].shape == read.shape, (found["x"].shape, read.shape)
        assert np.array_equal(found["x"], read.toarray().astype(np.float32)), "x"
        if kind == "several":
            expected = np.zeros((len(labels), found["y"].shape[1]))
            for row, columns in enumerate(labels):
                expected[row, [int(c) for c in columns]] = 1
            assert found["y"].shape[1] == 1 + max(int(c) for columns in labels for c in columns)
        else:
            expected = labels
        assert np.array_equal(found["y"], expected), (found["y"], expected)


def main():
    build, cases, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200, \
        int(sys.argv[3]) if len(sys.argv) > 3 else 1
    linnet, work = os.path.join(os.path.abspath(build), "linnet"), tempfile.mkdtemp()
    os.chdir(work)
    for case in range(cases):
        try:
            check(np.random.default_rng([seed, case]), linnet)
        except AssertionError as failure:
            sys.exit(f"FAILED: case {case} of seed {seed}, in {work}: {failure}")
    print(f"libsvm: {cases} files are read as scikit-learn reads them")


if __name__ == "__main__":
    main()
