"""make_tasks.py - packages.csv and diabetes.csv: real rows with several labels, and with a number.

    /usr/bin/python3 make_tasks.py    # with Debian 12's package index (apt-get update) and python3-sklearn

packages.csv: of 600 Debian packages, drawn by a seed, what each depends on (1: on something whose name
begins so), and which debtags it has. diabetes.csv: scikit-learn's copy of the data of Efron, Hastie,
Johnstone and Tibshirani, Least Angle Regression (2004): ten measurements and, a year later, a measure of the
disease's progression.
"""

import csv
import random
import subprocess

from sklearn.datasets import load_diabetes

DEPENDS = ["libc6", "libstdc++", "libgcc", "perl", "python3", "libgtk", "libglib", "libqt", "kde", "libkf5",
           "libx11", "libgl", "libsdl", "libncurses", "libtinfo", "zlib", "libssl", "libcurl", "libxml2",
           "libpng", "libjpeg", "libasound", "libavcodec", "libgmp", "libgd", "ruby", "default-jre",
           "libpam", "debconf", "apache2", "lsb-base", "adduser", "emacs", "tcl", "libreadline"]
TAGS = ["implemented-in::c", "implemented-in::c++", "implemented-in::perl", "implemented-in::python",
        "interface::x11", "role::shared-lib"]


def packages():
    index = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    for block in index.split("\n\n"):
        fields, key = {}, None
        for line in block.splitlines():
            if line[:1] == " ":
                fields[key] += line
            elif ":" in line:
                key, value = line.split(":", 1)
                fields[key] = value
        tags = {tag.strip() for tag in fields.get("Tag", "").split(",")}
        depends = [word.split()[0] for word in fields.get("Depends", "").split(",") if word.strip()]
        if tags & set(TAGS) and depends:
            yield ([int(any(name.startswith(start) for name in depends)) for start in DEPENDS],
                   [int(tag in tags) for tag in TAGS])


def write(name, header, rows):
    with open(name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    rows = [features + labels for features, labels in packages()]
    write("packages.csv", DEPENDS + TAGS, random.Random(5).sample(sorted(rows), 600))
    data = load_diabetes(scaled=False)
    write("diabetes.csv", "age sex bmi bp s1 s2 s3 s4 s5 s6 progression".split(),
          [[f"{value:.6g}" for value in [*x, y]] for x, y in zip(data.data, data.target)])


main()
