"""peer.py - peer.h and peer.c again, for contenders in Python: the job, the values, the turns.

A contender calls main(name, version, open): open(job) gives a function that takes a turn and the mean
magnitude of a forward's result, or raises Unable.
"""

import json
import sys
import time

import numpy

LAP_SECONDS = 2e-5
WARM = 0.2


class Unable(Exception):
    """The job is none of this contender's."""


class Laps:
    """The repetitions of one turn, as peer_laps in C."""

    def __init__(self):
        self.repeat = 1

    def begin(self, seconds):
        self.begun = False
        self.times = []
        self.last = time.perf_counter()
        self.warm = self.last + WARM * seconds
        self.end = self.last + seconds

    def over(self):
        return len(self.times) > 0 and self.last >= self.end

    def lap(self, repetitions=1):
        """Tells of repetitions done since the call before; False: enough for this turn."""
        now = time.perf_counter()
        took = now - self.last
        self.last = now
        if took < LAP_SECONDS and repetitions == self.repeat:
            self.repeat *= 2
        if not self.begun:
            self.begun = True
        elif now >= self.warm:
            self.times.append(took / repetitions)
        return not self.over()


class Job:
    def __init__(self, arguments):
        given = dict(argument.split("=", 1) for argument in arguments)
        self.work = given["work"]
        self.model = given["model"]
        self.sizes = [int(size) for size in given["sizes"].split(",")]
        self.batch = int(given["batch"])
        self.threads = int(given["threads"])
        self.precision = given["precision"]
        self.optim = given["optim"]
        self.setting = given["setting"]


def fill(shape, seed, scale):
    bits = (numpy.arange(1, numpy.prod(shape) + 1, dtype=numpy.uint64) * 2654435761 + seed * 40503)
    bits = bits.astype(numpy.uint32)
    bits = (bits ^ (bits >> numpy.uint32(15))) * numpy.uint32(2246822519)
    bits ^= bits >> numpy.uint32(13)
    values = (bits / 2147483648.0 - 1.0) * numpy.float32(scale).astype(numpy.float64)
    return values.astype(numpy.float32).reshape(shape)


def weight(job, i):
    return fill((job.sizes[i + 1], job.sizes[i]), 2 * i + 1, 1 / numpy.sqrt(job.sizes[i]))


def bias(job, i):
    return fill((job.sizes[i + 1],), 2 * i + 2, 1 / numpy.sqrt(job.sizes[i]))


def features(job, rows):
    return fill((rows, job.sizes[0]), 0, 1.0)


def repeat(laps, once):
    """Takes a turn of a job that is done by once()."""
    going = True
    while going:
        for _ in range(laps.repeat):
            once()
        going = laps.lap(laps.repeat)


def main(name, version, open):
    job = Job(sys.argv[1:])
    try:
        turn, check = open(job)
    except Unable as reason:
        print(json.dumps({"name": name, "unable": str(reason)}), flush=True)
        return
    print(json.dumps({"name": name, "version": version, "check": check}), flush=True)
    laps = Laps()
    for line in sys.stdin:
        laps.begin(float(line))
        while not laps.over():
            turn(laps)
        print(" ".join("%.1f" % (1e9 * seconds) for seconds in laps.times), flush=True)
