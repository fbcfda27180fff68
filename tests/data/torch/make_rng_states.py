"""make_rng_states.py - rng_states.safetensors: torch.get_rng_state() at points of interest, and
rng_states.inc: the 64 bits that come next, for tests/test_random.c.

    /usr/bin/python3 make_rng_states.py        # in tests/data/torch
"""

import json

import torch

states, after = {}, []


def keep(name):
    states[name] = bytes(torch.get_rng_state().tolist())
    ahead = torch.empty(1, dtype=torch.int64).random_(-2**63, None).item() & (2**64 - 1)
    torch.set_rng_state(torch.tensor(list(states[name]), dtype=torch.uint8))
    after.append(f'{{"{name}", UINT64_C({ahead})}},')


torch.manual_seed(2**33 + 5)
keep("seeded")
torch.rand(1)
keep("one")
torch.rand(622)
keep("last but one")
torch.rand(1)
keep("end of block")
torch.rand(1)
keep("next block")
torch.manual_seed(1)
torch.randn(1)
keep("normal waits")
torch.randn(1)
keep("normal taken")
torch.manual_seed(-5)
keep("negative seed")

header, data = {}, b""
for name, state in states.items():
    header[name] = {"dtype": "U8", "shape": [len(state)], "data_offsets": [len(data), len(data) + len(state)]}
    data += state
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open("rng_states.safetensors", "wb").write(len(text).to_bytes(8, "little") + text + data)
open("rng_states.inc", "w").write(f"/* Made by make_rng_states.py under PyTorch {torch.__version__}. */\n" +
                                  "\n".join(after) + "\n")
