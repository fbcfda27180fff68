"""make_losses.py - losses.inc: PyTorch's losses over values and their gradients, for tests/test_losses.c.

    /usr/bin/python3 make_losses.py > losses.inc

Where a case has weights of rows, the mean is that of PyTorch users: sum(w * l) / sum(w).
"""

import torch
from torch.nn import *

LOGITS = [0.5, -1.25, 2.0, 0.0, 0.75, -0.5, 3.0, 1.5, -2.0, 30.0, -40.0, 1.0]
UNIT = [0.5, 0.125, 1.0, 0.0, 0.75, 0.25, 2**-10, 1 - 2**-10, 0.5, 0.875, 0.0, 1.0]
LABELS = [1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0]
SOFT = [0.5, 0.25, 0.25, 1, 0, 0, 0.2, 0.7, 0.1, 0.125, 0.5, 0.375]
NUMBERS = [0.5, 1.0, -3.0, 0.25, 0.75, -0.25, 4.5, 1.0, -2.5, 29.0, -41.5, 1.5]
ROWS = [1, 0.5, 0, 2.25]
THREE = "torch.tensor([1., 2., .5])"
CASES = [
    ("BCEWithLogitsLoss()", LOGITS, LABELS, None),
    ("BCEWithLogitsLoss(reduction='sum')", LOGITS, SOFT, None),
    (f"BCEWithLogitsLoss(weight={THREE})", LOGITS, LABELS, None),
    (f"BCEWithLogitsLoss(pos_weight={THREE})", LOGITS, LABELS, None),
    (f"BCEWithLogitsLoss(weight={THREE}, pos_weight=torch.tensor([3.]))", LOGITS, SOFT, ROWS),
    ("BCELoss()", UNIT, LABELS, None),
    (f"BCELoss(weight={THREE}, reduction='sum')", UNIT, SOFT, None),
    ("BCELoss()", UNIT, SOFT, ROWS),
    ("MSELoss()", LOGITS, NUMBERS, None),
    ("MSELoss(reduction='sum')", LOGITS, NUMBERS, None),
    ("MSELoss()", LOGITS, NUMBERS, ROWS),
    ("L1Loss()", LOGITS, NUMBERS, None),
    ("L1Loss(reduction='sum')", LOGITS, NUMBERS, ROWS),
    ("SmoothL1Loss()", LOGITS, NUMBERS, None),
    ("SmoothL1Loss(beta=0.5)", LOGITS, NUMBERS, ROWS),
    # Nowhere at the target, where PyTorch has the slope -1 with this beta, and 0 with L1Loss.
    ("SmoothL1Loss(beta=0)", LOGITS, [number + 0.125 for number in NUMBERS], None),
    ("HuberLoss()", LOGITS, NUMBERS, None),
    ("HuberLoss(delta=2.5)", LOGITS, NUMBERS, None),
    ("HuberLoss('sum', 0.75)", LOGITS, NUMBERS, ROWS),
    ("CrossEntropyLoss()", LOGITS, SOFT, None),
    (f"CrossEntropyLoss({THREE})", LOGITS, SOFT, None),
    ("CrossEntropyLoss(label_smoothing=0.125)", LOGITS, SOFT, ROWS),
    (f"CrossEntropyLoss(weight={THREE}, label_smoothing=0.3, reduction='sum')", LOGITS, SOFT, None),
]


def weighted(text, x, target, rows):
    """The loss with a weight for each row, by hand."""
    w = torch.tensor(rows)
    loss = eval(text)
    mean, loss.reduction = loss.reduction == "mean", "none"
    values = loss(x, target)
    if values.dim() == 2:
        values = values.mean(1) if mean else values.sum(1)
    return (w * values).sum() / (w.sum() if mean else 1)


print(f"/* Made by make_losses.py under PyTorch {torch.__version__}. */")
for text, outputs, values, rows in CASES:
    x = torch.tensor(outputs).view(4, 3).requires_grad_()
    target = torch.tensor(values, dtype=torch.float32).view(4, 3)
    loss = weighted(text, x, target, rows) if rows else eval(text)(x, target)
    loss.backward()
    numbers = [", ".join(map(repr, list_)) for list_ in (outputs, values, rows or [1] * 4)]
    gradient = ", ".join(repr(value) for value in x.grad.view(-1).tolist())
    print(f'{{"{text}",\n {{{numbers[0]}}},\n {{{numbers[1]}}},\n {{{numbers[2]}}},\n {loss.item()!r},'
          f"\n {{{gradient}}}}},")
