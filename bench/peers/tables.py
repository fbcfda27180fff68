"""tables.py - what is kept of the measurements, and the Markdown that is made of it."""

import json
import os
import statistics
import sys

from work import CONTENDERS, TITLES, all_rows, threads_text

MIN_ROUNDS = 4  # for quartiles


class Disturbance:
    """What else happened while the contenders took their turns."""

    def __init__(self):
        self.idle = self.turns = self.wall = self.stolen = self.others = 0.0

    def add(self, other):
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def text(self):
        cores = os.cpu_count() * self.wall
        return ("contenders without a turn used %.2f %% of the processor time of those with one; other "
                "programs used %.1f %% of the machine, its host took %.1f %%"
                % (100 * self.idle / max(self.turns, 1e-9), 100 * max(self.others, 0) / max(cores, 1e-9),
                   100 * self.stolen / max(cores, 1e-9)))


def spread(values):
    """Half the distance of the quartiles, as a part of the median; of too few values, of all of them, and
    None of one."""
    if len(values) == 1:
        return None
    if len(values) < MIN_ROUNDS:
        return (max(values) - min(values)) / 2 / statistics.median(values)
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle


def result_of(row, processes):
    """What is kept of a row, fit for JSON."""
    cells, limits, versions = {}, {}, {}
    for process in processes:
        name, time_ = process.setting.contender, statistics.median(process.medians)
        if name in ("peak", "bandwidth"):
            limits[name] = 1e9 / time_
            continue
        versions[name] = process.about["version"]
        if name not in cells or time_ < cells[name]["time"]:
            cells[name] = {"time": time_, "spread": spread(process.medians), "setting": process.setting.label}
    # Two bf16 numbers take the place of a float in a vector, and both are multiplied and added.
    bounds = {"FMA": row.flops / limits["peak"] / (2 if row.precision == "bf16" else 1)}
    if "bandwidth" in limits:
        bounds["reading"] = row.bytes / limits["bandwidth"]
    bound = max(bounds, key=bounds.get)
    return {"id": row.id, "group": row.group, "text": row.text, "cells": cells, "limits": limits,
            "limit": bounds[bound], "bound": bound, "versions": versions}


class Results:
    """Rows that were measured, now or by an earlier run that kept them in the same file."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        if path and os.path.exists(path):
            with open(path) as file:
                self.rows = json.load(file)

    def add(self, result):
        self.rows[result["id"]] = result
        if self.path:
            with open(self.path + ".tmp", "w") as file:
                json.dump(self.rows, file, indent=1)
            os.replace(self.path + ".tmp", self.path)

    def ordered(self):
        order = [r.id for r in all_rows()] + ["demo"]
        return sorted(self.rows.values(), key=lambda r: order.index(r["id"]))


# ---- the tables ----------------------------------------------------------------------------------------


def time_text(seconds):
    for unit, scale in ("s", 1), ("ms", 1e3), ("us", 1e6):
        if seconds * scale >= 1:
            break
    value = seconds * scale
    return "%.*f %s" % (0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 3, value, unit)


def cell_text(cell, ours):
    if cell is None:
        return "-"
    text = time_text(cell["time"])
    if cell["spread"] is not None:
        text += " ±%.0f %%" % (100 * cell["spread"])
    if "memory" in cell:
        text += ", %.0f MB" % (cell["memory"] / 1e6)
    if ours is not None and cell is not ours:
        text += ", %.2fx" % (cell["time"] / ours["time"])
    if cell["setting"]:
        text += " (%s)" % cell["setting"]
    return text


def table(group, results):
    names = [n for n in ["linnet32"] + CONTENDERS if any(n in r["cells"] for r in results)]
    limited = any("limit" in r for r in results)
    heads = ["work"] + ["limit"] * limited + ["Linnet"] + ["of limit"] * limited + [TITLES[n] for n in names]
    lines = ["", "### " + group, "", "| %s |" % " | ".join(heads), "|" + "---|" * len(heads)]
    for r in results:
        ours = r["cells"].get("linnet")
        cells = [r["text"], cell_text(ours, ours)] + [cell_text(r["cells"].get(n), ours) for n in names]
        if limited:
            cells.insert(1, "%s, %s" % (time_text(r["limit"]), r["bound"]))
            cells.insert(3, "%.0f %%" % (100 * r["limit"] / ours["time"]) if ours else "-")
        lines.append("| %s |" % " | ".join(cells))
    return lines


def losses(results):
    """Where a peer is ahead, by more than the rounds differ."""
    lines = []
    for r in results:
        ours = r["cells"].get("linnet")
        for name, cell in r["cells"].items():
            if ours is None or name == "linnet32":
                continue
            ratio = cell["time"] / ours["time"]
            if ratio < 1 - max(ours["spread"] or 0, cell["spread"] or 0):
                lines.append("- %s, %s: %s takes %.2f times Linnet's time" %
                             (r["group"], r["text"], TITLES[name], ratio))
    return ["", "### Where Linnet loses", ""] + (lines or ["In none of these rows."])


def unique(values):
    return list(dict.fromkeys(values))


def limits_lines(results):
    """The machine's limits as they were measured beside the head's rows in fp32."""
    lines = []
    for threads in 1, 2:
        limits = [r["limits"] for r in results if r["id"].startswith("forward/fp32/")
                  and r["id"].endswith("/%d" % threads)]
        if limits:
            lines.append("- limits, %s: %.0f GFLOP/s, the weights read at %.0f GB/s" % (
                threads_text(threads), statistics.median(l["peak"] for l in limits) / 1e9,
                statistics.median(l["bandwidth"] for l in limits) / 1e9))
    return lines


def head(results):
    at = [r["at"] for r in results]
    versions, disturbance = {}, Disturbance()
    for r in results:
        versions.update(r["versions"])
        other = Disturbance()
        vars(other).update(r["at"]["disturbance"])
        disturbance.add(other)
    lines = ["Measured by `bench/peers/run` at commit %s, %s." %
             (", ".join(unique(a["commit"] for a in at)), ", ".join(unique(a["date"] for a in at))), ""]
    lines += ["- machine: %s" % m for m in unique(a["machine"] for a in at)]
    lines += ["- compiler: %s" % c for c in unique(a["compiler"] for a in at)]
    named = ["%s %s" % (TITLES[n], versions[n]) for n in TITLES if n in versions and n != "linnet32"]
    lines += ["- versions: " + ", ".join(named)] if named else []
    lines += limits_lines(results)
    lines += ["- meanwhile " + disturbance.text()] if disturbance.wall > 0 else []
    return lines + ["", "Times are medians over the rounds, ± half the distance of the quartiles; 1.10x: takes "
                    "1.10 times Linnet's time."]


def report(results):
    lines = head(results)
    for group in unique(r["group"] for r in results):
        lines += table(group, [r for r in results if r["group"] == group])
    return "\n".join(lines + losses(results)) + "\n"


def put_into(path, text):
    """Replaces what stands between the two marks of a Markdown file."""
    begin, end = "<!-- peers: begin -->\n", "<!-- peers: end -->"
    with open(path) as file:
        page = file.read()
    if begin not in page or end not in page:
        sys.exit("run: %s: expected the marks %s and %s" % (path, begin.strip(), end))
    before, after = page.split(begin, 1)[0], page.split(end, 1)[1]
    with open(path, "w") as file:
        file.write(before + begin + text + end + after)
