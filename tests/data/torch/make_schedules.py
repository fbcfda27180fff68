"""make_schedules.py - schedules.inc: learning rate and momentum (or beta1) after each step of each
schedule, for tests/test_schedule.c.

    /usr/bin/python3 make_schedules.py > schedules.inc
"""

import warnings

import torch
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import *

warnings.simplefilter("ignore")
STEPS = 40
METRICS = [2.0, 1.5, 1.4, 1.4, 1.3999, 1.41, 1.2, 1.25, 1.3, 1.21, 1.2, 1.2, 1.1, float("nan")] + [1.3] * 26
SGD_ = "SGD(optimizer, lr=0.05, momentum=0.9)"
CASES = [
    (SGD_, "StepLR(optimizer, 3)"),
    (SGD_, "StepLR(optimizer, step_size=7, gamma=0.3)"),
    (SGD_, "MultiStepLR(optimizer, [3, 5, 5, 17])"),
    (SGD_, "MultiStepLR(optimizer, milestones=(30, 2, 2, 2), gamma=0.7)"),
    (SGD_, "ConstantLR(optimizer)"),
    (SGD_, "ConstantLR(optimizer, factor=0.1, total_iters=9)"),
    (SGD_, "LinearLR(optimizer)"),
    (SGD_, "LinearLR(optimizer, start_factor=0.7, end_factor=0.01, total_iters=13)"),
    (SGD_, "ExponentialLR(optimizer, 0.9)"),
    (SGD_, "ExponentialLR(optimizer, gamma=1)"),
    (SGD_, "PolynomialLR(optimizer, 10, 2.)"),
    (SGD_, "PolynomialLR(optimizer, total_iters=33, power=0.7)"),
    (SGD_, "CosineAnnealingLR(optimizer, 10, 1e-4)"),
    (SGD_, "CosineAnnealingLR(optimizer, T_max=7)"),
    (SGD_, "CosineAnnealingWarmRestarts(optimizer, 4, 2)"),
    (SGD_, "CosineAnnealingWarmRestarts(optimizer, T_0=9, eta_min=0.001)"),
    (SGD_, "CyclicLR(optimizer, 0.01, 0.1, step_size_up=7)"),
    (SGD_, "CyclicLR(optimizer, base_lr=0.01, max_lr=0.1, step_size_up=3, step_size_down=5, mode='triangular2')"),
    (SGD_, "CyclicLR(optimizer, 0.01, 0.1, 4, 4, 'exp_range', gamma=0.95, base_momentum=0.7)"),
    ("Adam(optimizer, lr=0.002)", "CyclicLR(optimizer, 0.001, 0.1, 6, cycle_momentum=False)"),
    (SGD_, "OneCycleLR(optimizer, 0.1, total_steps=40)"),
    (SGD_, "OneCycleLR(optimizer, max_lr=0.3, epochs=5, steps_per_epoch=8, pct_start=0.45, anneal_strategy='linear')"),
    ("AdamW(optimizer, lr=1, betas=(0.8, 0.99))", "OneCycleLR(optimizer, 0.1, 40, three_phase=True, div_factor=10)"),
    (SGD_, "OneCycleLR(optimizer, 0.1, 41, cycle_momentum=False, final_div_factor=100)"),
    (SGD_, "SequentialLR(optimizer, [ConstantLR(optimizer, 0.1, 2), ExponentialLR(optimizer, 0.9)], [2])"),
    (SGD_, "SequentialLR(optimizer, schedulers=[LinearLR(optimizer, 0.1, total_iters=5), "
           "CosineAnnealingLR(optimizer, T_max=20), MultiStepLR(optimizer, [2, 0], gamma=0.5)], milestones=[5, 25])"),
    (SGD_, "SequentialLR(optimizer, [StepLR(optimizer, 2), CosineAnnealingWarmRestarts(optimizer, 5), "
           "PolynomialLR(optimizer, 6, 3), ConstantLR(optimizer, 0.5, 0)], [4, 11, 20])"),
    (SGD_, "SequentialLR(optimizer, [CyclicLR(optimizer, 0.01, 0.1, 3), LinearLR(optimizer, 0.2)], [7])"),
    (SGD_, "ChainedScheduler([ConstantLR(optimizer, 0.1, 2), ExponentialLR(optimizer, 0.9)])"),
    (SGD_, "ChainedScheduler([LinearLR(optimizer, 0.25, 0.75, 12), CosineAnnealingLR(optimizer, 11), "
           "StepLR(optimizer, 4, 0.8)])"),
    (SGD_, "ReduceLROnPlateau(optimizer, patience=2)"),
    (SGD_, "ReduceLROnPlateau(optimizer, 'max', 0.5, 1, threshold=0.01, threshold_mode='abs', cooldown=3)"),
    (SGD_, "ReduceLROnPlateau(optimizer, factor=0.3, patience=0, min_lr=0.001, eps=0.003)"),
    (SGD_, "ReduceLROnPlateau(optimizer, mode='max', patience=3, threshold=0.2)"),
]

print(f"/* Made by make_schedules.py under PyTorch {torch.__version__}. */")
for optim, text in CASES:
    optimizer = [torch.zeros(1, requires_grad=True)]
    optimizer = eval(optim)
    scheduler = eval(text)
    rates, momenta = [], []
    for i in range(STEPS + 1):
        group = optimizer.param_groups[0]
        rates.append(group["lr"])
        momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
        if i < STEPS:
            optimizer.step()
            scheduler.step(METRICS[i]) if "Plateau" in text else scheduler.step()
    show = lambda values: "{" + ", ".join(repr(float(v)) for v in values) + "}"
    print(f'{{"{optim}",\n "{text}",\n {show(rates)},\n {show(momenta)}}},')
