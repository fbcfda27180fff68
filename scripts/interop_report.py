"""interop_report.py - what `linnet train` and `linnet report` leave of a run, read by others.

    /usr/bin/python3 scripts/interop_report.py BUILD [PAGES]

BUILD holds `linnet`; needs Debian's chromium, python3-numpy and python3-pil; tensorboard comes from PyPI into
BUILD/python, where it is missing. PAGES is a folder in which pages and screenshots stay, to be looked at.

  events   a run that is stopped and goes on: TensorBoard finds the figures of --history in --logdir, each
           step once, those of the second part where both went over a step
  pages    reports on models of 2, 3, 12 and 120 classes, of several labels and of numbers: their JSON is that of
           `linnet eval --json` and of the history; every figure that is shown is the JSON's, rounded; the
           confusion matrix, the curves and the dots, put back through the ticks of their axes, are the JSON's;
           nothing is loaded from elsewhere
  browser  Chromium shows such pages without a word on its console, light and dark; no label overlaps another,
           none is cut off, and on a telephone nothing is wider than the screen
"""

import base64
import html
import html.parser
import io
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy
import PIL.Image

import pypi

# The last one that takes Debian's protobuf.
TENSORBOARD = ["tensorboard==2.12.3", "absl-py==1.4.0"]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/cli/data")
TAGS = {"loss": "train/loss", "accuracy": "train/accuracy", "val_loss": "val/loss",
        "val_accuracy": "val/accuracy", "lr": "lr"}
SHOWN = ["support", "predicted", "precision", "recall", "f1", "roc_auc", "average_precision"]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


def check(good, *what):
    if not good:
        sys.exit("FAILED: " + " ".join(map(str, what)))


# ---- events ----

def as_float32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def check_events(linnet, accumulator):
    def train(epochs, *more):
        run(linnet, "train", os.path.join(DATA, "flowers.csv"), "-o", "f.safetensors", "--epochs", str(epochs),
            "--val-fraction", "0.2", "--schedule", "StepLR(3)", "--checkpoint", "run.pt", "--history", "run.jsonl",
            "--logdir", "logs/run", "--model", "Sequential(Linear(4, 8), ReLU(), Linear(8, classes))", *more)

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


# ---- pages ----

class Page(html.parser.HTMLParser):
    """The figures, the JSON, and each picture with its elements: (tag, attributes, text, title)."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.figures, self.plots, self.titles, self.images = [], {}, [], []
        self.open, self.elements, self.heading, self.json, self.style = [], None, "", "", ""
        self.feed(open(path, encoding="utf-8").read())
        self.json = json.loads(self.json)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            check(attributes.get(name, "data:").startswith("data:"), "loads", attributes.get(name))
        check(tag not in ("iframe", "object", "embed", "form"), "has", tag)
        check(tag != "script" or attributes.get("type") == "application/json", "has a program")
        check(not any(name.startswith("on") for name in attributes), "has a handler", attributes)
        if tag == "svg" and "plot" in attributes.get("class", "").split():
            self.elements = self.plots.setdefault(attributes["aria-label"], [])
        if tag == "img":
            self.images.append(attributes["src"])
        self.open.append([tag, attributes, "", ""])
        if tag in ("path", "circle", "rect", "text") and self.elements is not None:
            self.elements.append(self.open[-1])
        if tag in ("meta", "link", "img", "br"):
            self.open.pop()

    def handle_data(self, data):
        if not self.open:
            return
        tag, attributes = self.open[-1][:2]
        self.open[-1][2] += data
        if tag == "title" and len(self.open) > 1:
            self.open[-2][3] += data
            self.titles.append(data)
        if tag == "script":
            self.json += data
        if tag == "style":
            self.style += data

    def handle_endtag(self, tag):
        while self.open:
            element = self.open.pop()
            if element[0] == "data":
                self.figures.append((element[1]["data-key"], element[1]["value"], element[2]))
            if element[0] == "svg":
                self.elements = None
            if element[0] == tag:
                break


def at(tree, path):
    for part in path.split("."):
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree


def rounded(value):
    if value is None:
        return "–"
    if isinstance(value, int):
        return "{:,}".format(value)
    if value != 0 and abs(value) < 0.00005:
        return re.sub("e-0?", "e-", "%.1e" % value)
    return ("%.4f" if abs(value) < 1000 else "%.1f") % value if abs(value) < 1e6 else ("%.4e" % value).replace("e+", "e")


def check_figures(page):
    for key, value, text in page.figures:
        expected = at(page.json, key)
        check((value == "") if expected is None else float(value) == expected, key, "is", expected, "found", value)
        # 1.0 is 1 in JSON, which does not tell the two apart.
        check(text in (rounded(expected), rounded(None if expected is None else float(expected))), key, "is",
              expected, "found", text)
    shown = {key for key, _, _ in page.figures}
    wanted = {"rows", "correct"} | {"figures." + name for name in page.json["figures"]}
    if page.json["task"] == "regression":
        wanted.remove("correct")
    if len(page.json.get("top_k_accuracy", [])) > 5:
        wanted.add("top_k_accuracy.4")
    wanted |= {"classes.%d.%s" % (c, name) for c in range(len(page.json.get("classes", []))) for name in SHOWN}
    wanted |= {"outputs.%d.%s" % (i, name) for i in range(len(page.json.get("outputs", []))) for name in ("r2", "rmse", "mae")}
    worst = "predicted_probability" if page.json["task"] == "classification" else "score"
    wanted |= {"worst.%d.%s" % (i, worst) for i in range(len(page.json["worst"]))}
    check(wanted <= shown, "not shown:", sorted(wanted - shown))


def check_confusion(page):
    names = [c["class"] for c in page.json["classes"]]
    found = [[0] * len(names) for _ in names]
    for title in page.titles:
        match = re.fullmatch(r"(.*?)(: right| taken for (.*)), (\d+) of (\d+) rows \(([\d.]+) %\)", title)
        if match:
            label = names.index(match[1])
            predicted = label if match[3] is None else names.index(match[3])
            found[label][predicted] = int(match[4])
            support = page.json["classes"][label]["support"]
            check(int(match[5]) == support and match[6] == "%.1f" % (100 * int(match[4]) / support), title)
    check(found == page.json["confusion"], "confusion matrix", found)


class Plot:
    """A picture's lines and dots in the values of its axes, which its ticks tell."""

    def __init__(self, elements):
        self.elements = elements
        self.x = self.axis("tx", "x")
        self.y = self.axis("ty", "y", 4)

    def axis(self, kind, name, shift=0):
        ticks = [(float(attributes[name]) - shift, float(text)) for tag, attributes, text, _ in self.elements
                 if attributes.get("class") == kind]
        check(len(ticks) >= 1, "no ticks")
        if len(ticks) == 1:
            return lambda place: ticks[0][1]
        (a, low), (b, high) = ticks[0], ticks[-1]
        even = all(abs((value - low) * (b - a) - (high - low) * (place - a)) < 0.02 * abs(high - low)
                   for place, value in ticks)
        if even:
            return lambda place: low + (high - low) * (place - a) / (b - a)
        for place, value in ticks:
            check(abs(math.log(value / low) * (b - a) - math.log(high / low) * (place - a)) < 0.1, "ticks", ticks)
        return lambda place: low * (high / low) ** ((place - a) / (b - a))

    def line(self, kind):
        path = [attributes["d"] for tag, attributes, _, _ in self.elements
                if tag == "path" and attributes["class"] == "line " + kind]
        check(len(path) == 1, "lines of", kind, len(path))
        places = [tuple(map(float, pair.split())) for pair in re.split("[ML]", path[0]) if pair]
        return [(self.x(x), self.y(y)) for x, y in places]

    def dots(self, kind):
        return [(self.x(float(attributes["cx"])), self.y(float(attributes["cy"])))
                for tag, attributes, _, _ in self.elements
                if tag == "circle" and kind in attributes["class"].split()]


def check_near(what, found, expected, room=0.01):
    """Equal to a part of the range that is drawn: a pixel is a three hundredth of it."""
    check(len(found) == len(expected), what, "expected", len(expected), "points, found", len(found))
    for axis in (0, 1):
        values = [point[axis] for point in expected]
        size = max(max(values) - min(values), 0.2 * max(map(abs, values)))
        for a, b in zip(found, expected):
            check(abs(a[axis] - b[axis]) <= room * size, what, "expected", b, "found", a)


def check_curves(page):
    history = page.json["history"]
    for label, keys in (("Loss", ("val_loss", "loss")), ("Accuracy", ("val_accuracy", "accuracy")),
                        ("Learning rate", ("lr",))):
        check((label in page.plots) == (keys[0] in history[0]), label, "is or is not there")
        if keys[0] not in history[0]:
            continue
        plot = Plot(page.plots[label])
        for kind, key in zip("12", keys):
            expected = [(epoch["epoch"], epoch[key]) for epoch in history]
            check_near(label, plot.dots("d" + kind), expected)
            if len(expected) < 100:
                check_near(label, plot.line("l" + kind), expected)
    if "reliability" not in page.json:
        return
    plot = Plot(page.plots["calibration diagram"])
    few = 0.01 * sum(b["rows"] for b in page.json["reliability"])
    for kind, bins in (("few", [b for b in page.json["reliability"] if 0 < b["rows"] < few]),
                       ("d1", [b for b in page.json["reliability"] if b["rows"] >= few])):
        if bins:
            check_near("calibration", plot.dots(kind), [(b["confidence"], b["accuracy"]) for b in bins])


def check_areas(page):
    """The area under each curve in colour is the figure that stands in its legend."""
    classes = page.json["classes"]
    for label, key, steps in (("ROC curves", "roc_auc", False), ("precision-recall curves", "average_precision", True)):
        areas = sorted((c[key], i) for i, c in enumerate(classes) 
                       if c[key] is not None and (i == 1 or len(classes) != 2 or page.json["task"] != "classification"))
        plot = Plot(page.plots[label])
        for kind, (area, _) in zip("123", areas):
            points = plot.line("l" + kind)
            check(all(a[0] <= b[0] + 1e-9 for a, b in zip(points, points[1:])), label, "goes back")
            found = sum((b[0] - a[0]) * (b[1] if steps else (a[1] + b[1]) / 2) for a, b in zip(points, points[1:]))
            check(abs(found - area) < 0.02, label, "area", area, "found", found)


def check_cloud(page, data):
    """Every prediction of a regression lies over its true value, which the data have."""
    targets = numpy.load(data)["y"]
    for i in range(targets.shape[1]):
        plot = Plot(page.plots["predictions of output %d" % i])
        dots = plot.dots("cloud")
        check(len(dots) == len(targets), "dots", len(dots))
        check_near("true values", [(x, 0) for x, _ in dots], [(y, 0) for y in targets[:, i]])
        error = math.sqrt(sum((x - y) ** 2 for x, y in dots) / len(dots))
        rmse = page.json["outputs"][i]["rmse"]
        check(abs(error - rmse) < 0.02 * rmse + 0.01, "RMSE", rmse, "found", error)


def check_page(linnet, name, data, model, pages, loss="CrossEntropyLoss()"):
    options = ["--labels", data[1]] if len(data) > 1 else []
    run(linnet, "train", data[0], *options, "-o", name + ".safetensors", "--epochs", "12", "--val-fraction", "0.25",
        "--model", model, "--loss", loss, "--optim", "Adam(lr=0.02)", "--schedule", "ExponentialLR(0.6)", "--history", name + ".jsonl",
        "--report", os.path.join(pages, name + "-train.html"))
    path = os.path.join(pages, name + ".html")
    run(linnet, "report", name + ".safetensors", data[0], *options, "--history", name + ".jsonl", "-o", path)
    measured = json.loads(run(linnet, "eval", name + ".safetensors", data[0], *options, "--json"))
    page, trained = Page(path), Page(os.path.join(pages, name + "-train.html"))
    check({key: page.json[key] for key in measured} == measured, name, "JSON", page.json, "eval says", measured)
    history = [json.loads(line) for line in open(name + ".jsonl")]
    for one in (page, trained):
        check(one.json["history"] == history, name, "history", one.json["history"])
        check("url(" not in one.style and "@import" not in one.style, "the style loads something")
        check_figures(one)
        check_curves(one)
        if "confusion" in measured:
            check_confusion(one)
        if "classes" in measured:
            check_areas(one)
    if "outputs" in measured:
        check_cloud(page, data[0])
    print("page %s: %d figures" % (name, len(page.figures) + len(trained.figures)))
    return path


def make_data(classes, rows):
    draw = numpy.random.default_rng(classes)
    centres, labels = draw.normal(size=(classes, 12)), draw.integers(0, classes, rows)
    x = (centres[labels] + 0.9 * draw.normal(size=(rows, 12))).astype("float32")
    numpy.savez("made%d.npz" % classes, x=x, y=labels)
    values = x @ draw.normal(size=(12, 3)) + draw.normal(size=(rows, 3))
    numpy.savez("labels%d.npz" % classes, x=x, y=(values > 1).astype("uint8"))
    numpy.savez("values%d.npz" % classes, x=x, y=values.astype("float32"))
    return ["made%d.npz" % classes]


def check_pages(linnet, pages):
    head = "Sequential(Linear(%d, 16), ReLU(), Linear(16, classes))"
    paths = [check_page(linnet, "flowers", [os.path.join(DATA, "flowers.csv")], head % 4, pages),
             check_page(linnet, "digits", [os.path.join(DATA, "digits.idx"), os.path.join(DATA, "digits-labels.idx.gz")],
                        "Sequential(Flatten(), Linear(16, 12))", pages),
             check_page(linnet, "two", make_data(2, 400), head % 12, pages),
             check_page(linnet, "labels", ["labels2.npz"], "Linear(12, 3)", pages, "BCEWithLogitsLoss()"),
             check_page(linnet, "values", ["values2.npz"], "Linear(12, 3)", pages, "MSELoss()"),
             check_page(linnet, "many", make_data(120, 6000), "Linear(12, classes)", pages)]
    run(linnet, "calibrate", "two.safetensors", "made2.npz", "-o", "calibrated.safetensors")
    run(linnet, "report", "calibrated.safetensors", "made2.npz", "-o", "calibrated.html")
    calibrated = Page("calibrated.html")
    check_figures(calibrated)
    check("temperature" in [key for key, _, _ in calibrated.figures], "the temperature is not shown")
    names = "no,a class whose name is much longer than anybody would expect a name to be"
    run(linnet, "report", "two.safetensors", "made2.npz", "--classes", names, "-o", "named.html")
    paths.append("named.html")
    digits = Page(paths[1])
    check(len(digits.images) == len(digits.json["worst"]) > 0, "pictures", len(digits.images))
    rows = numpy.frombuffer(open(os.path.join(DATA, "digits.idx"), "rb").read()[16:], "uint8").reshape(-1, 4, 4)
    rows = rows[[worst["row"] for worst in digits.json["worst"]]]
    scale = 255 / next(limit for limit in (1, 16, 255) if rows.max() <= limit)
    for row, image in zip(rows, digits.images):
        pixels = numpy.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(image.split(",")[1]))))
        check((pixels == numpy.floor(row * scale + 0.5)).all(), "picture of", row, "is", pixels)
    return paths


# ---- browser ----

# What is wrong with how the page lies, told to the page around it. For a copy of the page alone.
PROBE = """<script>addEventListener("load", () => {
  const wrong = [], width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) wrong.push("wider than the screen");
  const boxes = svg => [...svg.querySelectorAll("text")].filter(t => !t.getAttribute("pointer-events"))
    .map(t => [t.textContent, t.getBoundingClientRect(), (t.getAttribute("transform") || "").includes("rotate")]);
  for (const svg of document.querySelectorAll("svg.plot, svg.matrix")) {
    const own = svg.getBoundingClientRect(), all = boxes(svg);
    for (const [text, box, turned] of all) {
      if (box.width == 0) wrong.push("no size: " + text);
      if (box.left < own.left - 1 || box.right > own.right + 3 || box.top < own.top - 1 || box.bottom > own.bottom + 1)
        wrong.push("cut off: " + text);
      for (const [other, there, too] of all)
        if (!turned && !too && text < other && box.left < there.right - 0.5 && there.left < box.right - 0.5 &&
            box.top < there.bottom - 2.5 && there.top < box.bottom - 2.5)
          wrong.push("overlap: " + text + " and " + other);
    }
  }
  for (const part of document.querySelectorAll("h1, h2, h3, p, dt, dd, figcaption, summary")) {
    const box = part.getBoundingClientRect();
    if (box.width > 0 && (box.left < 0 || box.right > width + 1)) wrong.push("beside the page: " + part.textContent);
  }
  for (const key of document.querySelectorAll(".key"))
    if (key.getBoundingClientRect().right > key.closest("figure").getBoundingClientRect().right + 1)
      wrong.push("beside its picture: " + key.textContent);
  const found = parent.document.createElement("pre");
  found.textContent = "PROBE " + JSON.stringify([window.name, innerWidth, wrong]);
  parent.document.body.append(found);
})</script>"""


def chromium(*options):
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--user-data-dir=" + profile, "--enable-logging=stderr", *options],
            capture_output=True, text=True, timeout=240)
    check(done.returncode == 0, "chromium", options, done.stderr)
    check("CONSOLE" not in done.stderr, "console:", done.stderr)
    return done.stdout


def check_layout(paths, widths):
    """All pages in all widths, each a frame of one page."""
    frames = ""
    for path in paths:
        page = open(path, encoding="utf-8").read().replace("</head>", PROBE + "</head>")
        for width in widths:
            frames += '<iframe name="%s" style="border:0;width:%dpx;height:900px" srcdoc="%s"></iframe>\n' % (
                os.path.basename(path), width, html.escape(page))
    open("frames.html", "w", encoding="utf-8").write("<!DOCTYPE html><meta charset=utf-8><body>" + frames)
    dom = chromium("--dump-dom", "file://" + os.path.abspath("frames.html"))
    found = [json.loads(html.unescape(text)) for text in re.findall("<pre>PROBE (.*?)</pre>", dom)]
    check(sorted(one[:2] for one in found) == sorted([os.path.basename(path), width] for path in paths
                                                     for width in widths), "probed", found)
    for name, width, wrong in found:
        check(not wrong, name, "at a width of", width, "has", wrong)


def shoot(path, picture, *options):
    chromium("--screenshot=" + picture, "--window-size=1200,2400", *options, "file://" + os.path.abspath(path))
    image = PIL.Image.open(picture).convert("RGB")
    check(image.size == (1200, 2400), "size", image.size)
    pixels = numpy.asarray(image).reshape(-1, 3)
    colours = len(numpy.unique(pixels, axis=0))
    check(colours > 100, picture, "is blank:", colours, "colours")
    return numpy.median(pixels), (pixels.min(axis=1) < 100).mean()


def check_browser(paths, pages):
    check_layout(paths, (1200, 760, 390))
    light, ink = shoot(paths[0], os.path.join(pages, "light.png"))
    dark, paper = shoot(paths[0], os.path.join(pages, "dark.png"), "--force-dark-mode")
    check(light > 240 and 0.005 < ink < 0.3, "light page", light, ink)
    check(dark < 40 and paper > 0.7, "dark page", dark, paper)
    print("browser: %d pages at 3 widths, light and dark" % len(paths))


def main():
    build = os.path.abspath(sys.argv[1])
    linnet = os.path.join(build, "linnet")
    reader = pypi.module(build, "tensorboard.backend.event_processing.event_accumulator", *TENSORBOARD)
    with tempfile.TemporaryDirectory() as work:
        pages = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else work
        os.makedirs(pages, exist_ok=True)
        os.chdir(work)
        if reader:
            check_events(linnet, reader.EventAccumulator)
        check_browser(check_pages(linnet, pages), pages)


main()
