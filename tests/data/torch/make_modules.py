"""Writes modules_run.pt: a training run of PyTorch's over modules with weights, buffers and draws.

    /usr/bin/python3 make_modules.py        (Debian's python3-torch; the file is kept in the repository)

The file holds the rows x, the labels y, and what the state_dict held after the run as trained.NAME;
tests/test_plan_modules.c repeats the run.
"""
import os
import warnings

import torch
from torch.nn import *
from torch.utils.data import DataLoader, TensorDataset

os.chdir(os.path.dirname(os.path.abspath(__file__)))
warnings.filterwarnings("ignore", message="Lazy modules")

data = torch.Generator().manual_seed(1)
x, y = torch.randn(24, 6, generator=data), torch.randint(0, 3, (24,), generator=data)

torch.manual_seed(5)
model = Sequential(Linear(6, 12), BatchNorm1d(12), PReLU(12), Unflatten(1, (3, 4)), BatchNorm1d(3, momentum=None),
                   Dropout1d(0.2), RReLU(), LayerNorm(4), FeatureAlphaDropout(0.2), GLU(2), PReLU(), Flatten(),
                   LazyLinear(8), AlphaDropout(0.2), LayerNorm((8,)), Softmin(1), Dropout(0.1), Linear(8, 3))
model.eval()(x) # the LazyLinear draws its values at its first input
optimizer = torch.optim.SGD(model.train().parameters(), lr=0.05, momentum=0.9)
for _ in range(4):
    for rows, labels in DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True):
        optimizer.zero_grad()
        functional.cross_entropy(model(rows), labels).backward()
        optimizer.step()
torch.save({"x": x, "y": y} | {f"trained.{name}": tensor for name, tensor in model.state_dict().items()}, "modules_run.pt",
           _use_new_zipfile_serialization=False) # which needs no ZIP to be read
