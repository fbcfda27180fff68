"""demo_torch.py DIRECTORY MODEL OPTIM BATCH EPOCHS FILE - what `linnet train --val-fraction 0.1 --standardize`
does, as a PyTorch script: Fashion-MNIST in DIRECTORY read, a tenth held out, features standardized, a number of
epochs trained and validated, the best written to FILE.
"""

import gzip
import os
import struct
import sys

import numpy
import torch
from torch import nn
from torch.nn import Dropout, Flatten, Linear, ReLU, Sequential  # noqa: F401 (the model's text names them)
from torch.optim import SGD, Adam  # noqa: F401 (as the optimizer's does)

directory, model, optimizer, batch, epochs, path = sys.argv[1:]
torch.manual_seed(1)


def read(name):
    with gzip.open(os.path.join(directory, name)) as file:
        rank = struct.unpack(">xxBB", file.read(4))[1]
        shape = struct.unpack(">%dI" % rank, file.read(4 * rank))
        return torch.from_numpy(numpy.frombuffer(file.read(), numpy.uint8).copy()).reshape(shape)


x = read("train-images-idx3-ubyte.gz").float()
y = read("train-labels-idx1-ubyte.gz").long()
order = torch.randperm(len(x))
held, rest = order[: len(x) // 10], order[len(x) // 10 :]
mean, std = x[rest].mean(0), x[rest].std(0, unbiased=False)
std[std == 0] = 1
x = (x - mean) / std
x_held, y_held, x, y = x[held], y[held], x[rest], y[rest]

model = eval(model)
name, arguments = optimizer.rstrip(")").split("(", 1)
optimizer = eval("%s(model.parameters(), %s)" % (name, arguments))
loss_function = nn.CrossEntropyLoss()
best = 0.0
for epoch in range(int(epochs)):
    model.train()
    for indices in torch.randperm(len(x)).split(int(batch)):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(x[indices]), y[indices])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        correct = sum((model(x_held[i : i + 256]).argmax(1) == y_held[i : i + 256]).sum().item()
                      for i in range(0, len(x_held), 256))
    accuracy = correct / len(x_held)
    print("epoch %d: accuracy %.4f" % (epoch + 1, accuracy), file=sys.stderr)
    if accuracy > best:
        best = accuracy
        torch.save(model.state_dict(), path)
