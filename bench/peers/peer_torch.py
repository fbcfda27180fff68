"""peer_torch.py - the contender PyTorch, written as its users write it: eager, the model in its own text,
Dropout in training mode, zero_grad(set_to_none=True), batches gathered by index from tensors in memory.

run sets the threads of the BLAS that it runs on through the environment, and `threads` are those of PyTorch.
"""

import numpy
import torch
from torch import nn
from torch.nn import Dropout, Linear, ReLU, Sequential  # noqa: F401 (the model's text names them)
from torch.optim import SGD, Adam  # noqa: F401 (as the optimizer's does)

import peer

# Batches of a training epoch and the size of its features, as in linnet.c.
BATCHES = 8
FEATURES = 0.1


def open_model(job):
    model = eval(job.model)
    parameters = list(model.parameters())
    with torch.no_grad():
        for i in range(len(job.sizes) - 1):
            parameters[2 * i].copy_(torch.from_numpy(peer.weight(job, i)))
            parameters[2 * i + 1].copy_(torch.from_numpy(peer.bias(job, i)))
    return model


def open_forward(job):
    model = open_model(job).eval()
    x = torch.from_numpy(peer.features(job, job.batch))
    if job.precision == "bf16":
        model, x = model.bfloat16(), x.bfloat16()

    def once():
        with torch.inference_mode():
            return model(x)

    return lambda laps: peer.repeat(laps, once), once().abs().double().mean().item()


def open_optimizer(job, model):
    name, arguments = job.optim.rstrip(")").split("(", 1)
    return eval("%s(model.parameters(), %s)" % (name, arguments), globals(), {"model": model})


def open_training(job):
    model = open_model(job).train()
    optimizer = open_optimizer(job, model)
    rows = BATCHES * job.batch
    x = torch.from_numpy(peer.features(job, rows) * numpy.float32(FEATURES))
    y = torch.arange(rows) * 7 % job.sizes[-1]
    loss_function = nn.CrossEntropyLoss()

    def epoch(laps):
        for indices in torch.randperm(rows).split(job.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_function(model(x[indices]), y[indices])
            loss.backward()
            optimizer.step()
            if not laps.lap():
                break

    return epoch, 0.0


def open_job(job):
    torch.set_num_threads(job.threads)
    if job.precision not in ("fp32", "bf16"):
        raise peer.Unable("no such precision")
    if job.work == "forward":
        return open_forward(job)
    if job.work == "training" and job.precision == "fp32":
        return open_training(job)
    raise peer.Unable("no such job")


peer.main("PyTorch", torch.__version__, open_job)
