"""make_lbfgs.py - lbfgs.inc: the loss before each step of LBFGS, in float64, for tests/test_lbfgs.c.

    /usr/bin/python3 make_lbfgs.py > lbfgs.inc

A Linear(2, 3) that begins with zeros; 12 rows, x = ((i % 5 - 2) / 2, (7 i % 6 - 2.5) / 2), class (5 i + i // 3) % 3.
"""

import torch
from torch.nn.functional import cross_entropy

ROWS, STEPS = 12, 6
CASES = [
    "LBFGS(params, lr=0.5, max_iter=3)",
    "LBFGS(params, lr=0.3, max_iter=4, history_size=2)",
    "LBFGS(params, lr=0.5, max_iter=9, max_eval=4)",
    "LBFGS(params, max_iter=2, line_search_fn='strong_wolfe')",
    "LBFGS(params, lr=0.4, max_iter=3, history_size=2, line_search_fn='strong_wolfe')",
    "LBFGS(params, lr=90, max_iter=2, line_search_fn='strong_wolfe')",
    "LBFGS(params, max_iter=20, tolerance_grad=0.05)",
]
i = torch.arange(ROWS)
x = torch.stack([(i % 5 - 2) / 2, (7 * i % 6 - 2.5) / 2], 1).double()
y = (5 * i + i // 3) % 3

print(f"/* Made by make_lbfgs.py under PyTorch {torch.__version__}. */")
for text in CASES:
    model = torch.nn.Linear(2, 3).double()
    params = list(model.parameters())
    for parameter in params:
        parameter.data.zero_()
    optimizer = eval("torch.optim." + text)

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        return loss

    print(f'{{"{text}",\n {{' + ", ".join(repr(optimizer.step(closure).item()) for _ in range(STEPS)) + "}},")
