"""make_optimizers.py - optimizers.inc: weights after the third and the last step of each optimizer, in
float64, for tests/test_optim.c.

    /usr/bin/python3 make_optimizers.py > optimizers.inc

The weights begin as (j - 2) / 4, and the gradient of weight j in step t is ((7 j + 3 t) % 11 - 5) / 8.
NAdam runs with foreach=True: without it PyTorch 1 has another formula than PyTorch 2.
"""

import torch
from torch.optim import *

WEIGHTS, STEPS = 6, 25
CASES = [
    "SGD(params, lr=0.05)",
    "SGD(params, 0.05, momentum=0.9, dampening=0.25, weight_decay=0.01)",
    "SGD(params, 0.05, momentum=0.9, nesterov=True, maximize=True)",
    "Adam(params, lr=0.02)",
    "Adam(params, 0.02, (0.8, 0.95), amsgrad=True, weight_decay=0.1, maximize=True)",
    "AdamW(params, 0.02, weight_decay=0.3)",
    "AdamW(params, 0.02, betas=(0.5, 0.9), amsgrad=True)",
    "NAdam(params)",
    "NAdam(params, 0.03, (0.8, 0.95), 1e-3, weight_decay=0.1, momentum_decay=0.5)",
    "NAdam(params, 0.03, betas=(0, 0.9))",
    "RAdam(params)",
    "RAdam(params, lr=0.05, betas=(0.8, 0.9), weight_decay=0.1, eps=1e-3)",
    "RAdam(params, lr=0.05, betas=(0.9, 0))",
    "RMSprop(params)",
    "RMSprop(params, lr=0.02, alpha=0.9, weight_decay=0.1, momentum=0.8)",
    "RMSprop(params, lr=0.02, alpha=0.7, eps=0.1, centered=True)",
    "RMSprop(params, lr=0.02, alpha=0.7, eps=0.1, momentum=0.5, centered=True, maximize=True)",
    "Adagrad(params)",
    "Adagrad(params, 0.1, 0.05, weight_decay=0.1, initial_accumulator_value=0.25, eps=1e-3)",
    "Adagrad(params, lr=0.1, maximize=True)",
]

print(f"/* Made by make_optimizers.py under PyTorch {torch.__version__}. */")
for text in CASES:
    weights = ((torch.arange(WEIGHTS, dtype=torch.float64) - 2) / 4).requires_grad_()
    params = [weights]
    optimizer = eval(text[:-1] + ", foreach=True)" if text.startswith("NAdam") else text)
    print(f'{{"{text}",')
    for step in range(1, STEPS + 1):
        weights.grad = ((7 * torch.arange(WEIGHTS) + 3 * step) % 11 - 5).double() / 8
        optimizer.step()
        if step in (3, STEPS):
            print(" {" + ", ".join(map(repr, weights.tolist())) + "}" + ("," if step == 3 else "},"))
