"""make_cross_entropy.py - cross_entropy.inc: PyTorch's losses over classes and their gradients, for tests/test_loss.c.

    /usr/bin/python3 make_cross_entropy.py > cross_entropy.inc
"""

import torch
from torch.nn import CrossEntropyLoss, NLLLoss

LOGITS = [0.5, -1.25, 2.0, 0.0, 0.75, -0.5, 3.0, 1.5, -2.0, 0.25, 0.25, 1.0]
WEIGHT = "weight=torch.tensor([1., 2., .5])"
CASES = [
    ("CrossEntropyLoss()", [2, 0, 1, 1]),
    ("CrossEntropyLoss(reduction='sum')", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT})", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, reduction='sum')", [0, 0, 2, 1]),
    ("CrossEntropyLoss(label_smoothing=0.1)", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, label_smoothing=0.1)", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, label_smoothing=1)", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, reduction='sum', label_smoothing=0.25)", [2, 2, 1, 0]),
    ("CrossEntropyLoss(ignore_index=1)", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, ignore_index=2)", [2, 0, 1, 1]),
    (f"CrossEntropyLoss({WEIGHT}, ignore_index=0, label_smoothing=0.1)", [2, 0, 1, 1]),
    ("CrossEntropyLoss(ignore_index=255, reduction='sum', label_smoothing=0.1)", [255, 0, 255, 1]),
    ("CrossEntropyLoss(ignore_index=2)", [2, 2, 2, 2]),
    ("CrossEntropyLoss(ignore_index=2, reduction='sum')", [2, 2, 2, 2]),
    ("NLLLoss()", [2, 0, 1, 1]),
    (f"NLLLoss({WEIGHT}, ignore_index=0)", [2, 0, 1, 1]),
    (f"NLLLoss({WEIGHT}, reduction='sum')", [2, 0, 1, 1]),
]

print(f"/* Made by make_cross_entropy.py under PyTorch {torch.__version__}. */")
for text, target in CASES:
    x = torch.tensor(LOGITS).view(4, 3).requires_grad_()
    loss = eval(text)(x, torch.tensor(target))
    loss.backward()
    item = "NAN" if loss.isnan() else repr(loss.item())
    gradient = ", ".join(repr(value) for value in x.grad.view(-1).tolist())
    print(f'{{"{text}",\n {{{", ".join(map(str, target))}}},\n {item},\n {{{gradient}}}}},')
