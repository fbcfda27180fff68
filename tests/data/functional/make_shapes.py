"""Writes shapes.txt: what PyTorch says to shapes and dtypes, one call a line.

Fields are separated by tabs: the function with its number, its tensors, the outcome. A tensor is a
dtype's letter, T where its memory lies in column-major order, its shape, and what it is filled with.
The outcome is =shape, or ! and PyTorch's text, or ? where PyTorch computes in a dtype other than
float32 (or says that it cannot), which Linnet does not.

    /usr/bin/python3 make_shapes.py > shapes.txt     (PyTorch 1.13.1)
"""
import collections
import itertools
import re
import torch
import torch.nn.functional as F

DTYPES = {"f": torch.float32, "d": torch.float64, "h": torch.float16, "l": torch.int64,
          "i": torch.int32, "b": torch.uint8, "s": torch.int16}


# By function and kind of outcome.
LINES = collections.defaultdict(list)


def show(most=24):
    """Every success, and of each function's errors of one kind `most`, evenly chosen."""
    for (_, kind), lines in LINES.items():
        step = 1 if kind[0] == "=" else -(-len(lines) // most)
        print("\n".join(lines[::step]))


def make(letter, shape, fill=0, transposed=False):
    if transposed:
        return torch.full(tuple(reversed(shape)), fill, dtype=DTYPES[letter]).permute(
            *reversed(range(len(shape))))
    return torch.full(tuple(shape), fill, dtype=DTYPES[letter])


def case(name, call, *tensors):
    """tensors: (letter, shape[, fill[, transposed]])"""
    words = []
    for letter, shape, *rest in tensors:
        fill = rest[0] if rest else 0
        mark = "T" if len(rest) > 1 and rest[1] else ""
        words.append(f"{letter}{mark}{list(shape)}={fill}")
    plain = all(t[0] == "f" for t in tensors) or name == "cross_entropy" and tensors[0][0] == "f"
    try:
        made = call(*[make(*t) for t in tensors])
        outcome = f"={list(made.shape)}" if plain else "?"
    except (RuntimeError, ValueError, IndexError) as error:
        text = str(error).split("\n")[0]
        outcome = "?" if "not implemented for" in text or "can't be cast" in text else "!" + text
    LINES[name.split(":")[0], re.sub("[0-9]+", "", outcome)].append(
        "\t".join([name, *words, outcome]))


def linear():
    inputs = [(), (0,), (3,), (4,), (5, 3), (0, 3), (5, 4), (5, 0), (1, 3), (2, 5, 3), (2, 0, 3),
              (2, 5, 4), (2, 2, 4, 3)]
    weights = [(), (3,), (4,), (0,), (6, 3), (6, 4), (0, 3), (1, 3), (6, 0), (2, 6, 3)]
    biases = [None, (), (1,), (6,), (5,), (0,), (4,), (1, 6), (5, 6), (5, 1), (10, 6), (2, 5, 6),
              (1, 5, 6), (2, 1, 6), (2, 4), (1, 2, 2, 4, 6)]
    for x, w, b in itertools.product(inputs, weights, biases):
        if b is None:
            case("linear", F.linear, ("f", x), ("f", w))
        else:
            case("linear", F.linear, ("f", x), ("f", w), ("f", b))
    for x, w, b in itertools.product([(5, 3), (2, 5, 3), (2, 2, 4, 3)], [(3,), (6, 3), (6, 4)],
                                     [(), (6,), (5,), (5, 6), (2, 5, 6), (1, 2, 5, 6)]):
        case("linear", F.linear, ("f", x, 0, True), ("f", w, 0, True), ("f", b))
    for x, w, b in itertools.product("fdl", "fdl", "fd"):
        for shape in [(3,), (5, 3), (2, 5, 3), (5, 4), (4,)]:
            for weight in [(3,), (6, 3)]:
                case("linear", F.linear, (x, shape), (w, weight))
                case("linear", F.linear, (x, shape), (w, weight), (b, (6,)))
                case("linear", F.linear, (x, shape), (w, weight), (b, (5,)))
    case("linear", F.linear, ("h", (5, 3)), ("h", (6, 3)), ("h", (6,)))


def products():
    shapes = [(), (3,), (2, 3), (0, 3), (2, 0), (3, 4), (0, 4), (3, 0), (2, 3, 4), (5, 4)]
    for a, b in itertools.product(shapes, shapes):
        case("mm", torch.mm, ("f", a), ("f", b))
        case("addmm", torch.addmm, ("f", (4,)), ("f", a), ("f", b))
    for i in [(), (1,), (3,), (0,), (2, 1), (1, 4), (2, 4), (3, 4), (1, 2, 4), (1, 1, 1)]:
        for a, b in [((2, 3), (3, 4)), ((0, 3), (3, 4)), ((2, 3), (3, 0)), ((2, 0), (0, 4)),
                     ((2, 3), (2, 4))]:
            case("addmm", torch.addmm, ("f", i), ("f", a), ("f", b))
    case("mm", torch.mm, ("f", (2, 3), 0, True), ("f", (3, 4), 0, True))
    for a, b in [*itertools.product("fd", "fd"), "hh"]:
        case("mm", torch.mm, (a, (2, 3)), (b, (3, 4)))
        case("mm", torch.mm, (a, (2, 3)), (b, (4, 4)))
        for i in "fd":
            case("addmm", torch.addmm, (i, (4,)), (a, (2, 3)), (b, (3, 4)))
            case("addmm", torch.addmm, (i, (3,)), (a, (2, 3)), (b, (3, 4)))
            case("addmm", torch.addmm, (i, (1, 2, 4)), (a, (2, 3)), (b, (3, 4)))
            case("addmm", torch.addmm, (i, (4,)), (a, (2,)), (b, (3, 4)))


def softmaxes():
    for name, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for shape in [(), (0,), (3,), (2, 3), (0, 3), (3, 0), (2, 3, 4)]:
            for dim in range(-4, 4):
                case(f"{name}:{dim}", lambda x: function(x, dim), ("f", shape))
        for letter in "dhl":
            case(f"{name}:1", lambda x: function(x, 1), (letter, (2, 3)))
            case(f"{name}:2", lambda x: function(x, 2), (letter, (2, 3)))


def cross_entropy():
    inputs = [(), (0,), (4,), (3, 4), (0, 4), (1, 4), (3, 0)]
    targets = [(), (0,), (1,), (2,), (3,), (4,), (3, 1), (1, 3), (3, 4), (3, 1, 2)]
    for x, t in itertools.product(inputs, targets):
        for letter, fill in [("l", 0), ("l", 7), ("l", -1), ("l", -100), ("b", 0), ("b", 200), ("i", 0),
                             ("s", 0)]:
            # PyTorch overlooks the wrong dtype of a target without elements; Linnet does not.
            if letter in "lb" or 0 not in t:
                case("cross_entropy", F.cross_entropy, ("f", x), (letter, t, fill))
        if x != t and 0 not in t:
            case("cross_entropy", F.cross_entropy, ("f", x), ("f", t))
    case("cross_entropy", F.cross_entropy, ("f", (3, 4), 0, True), ("l", (3,), 1))


print("# made by make_shapes.py with PyTorch", torch.__version__)
linear()
products()
softmaxes()
cross_entropy()
show()
