#!/usr/bin/env python3
"""Makes the data of the command line's tests. The files are committed; NumPy is needed here only.

flowers.csv  30 rows of 4 numbers and a name: three kinds that lie apart
signs.svm    the irises (-1) and poppies (+1) of these, without what is below 1
digits.*     12 images of 4 x 4 bytes in IDX, four kinds (a bright quarter), labels gzipped
wide.npz     12 rows of 1536 features, 3 classes
plain.safetensors   weights as PyTorch would save them: no architecture in it
plain.npy    the rows to run them on
nets.npz     weights (zeros) of several networks, each under a name of its own, as their state_dicts have them

head.pt, net.pt, parallel.pt and checkpoint.pt are not made here: they are sd_zip.pt, whole_module.pt,
sd_dataparallel.pt and sgd_ckpt.pt of ../../data/torch.
"""
import gzip
import json
import struct

import numpy as np

rng = np.random.default_rng(7)


def flowers():
    kinds = {"iris": (5.0, 3.4, 1.5, 0.2), "poppy": (6.5, 2.9, 4.5, 1.5), "tulip": (7.5, 3.9, 6.5, 2.5)}
    with open("flowers.csv", "w") as out:
        out.write("length,width,petal,stem,label\n")
        for i in range(30):
            name = sorted(kinds)[i % 3]
            row = [round(v + 0.2 * float(rng.standard_normal()), 2) for v in kinds[name]]
            out.write(",".join(str(v) for v in row) + "," + name + "\n")


def signs():
    with open("flowers.csv") as flowers, open("signs.svm", "w") as out:
        next(flowers)
        out.write("# irises and poppies\n")
        for *values, name in (line.strip().split(",") for line in flowers):
            if name != "tulip":
                pairs = [f"{i}:{v}" for i, v in enumerate(values, 1) if float(v) >= 1]
                out.write(" ".join(["-1" if name == "iris" else "+1", *pairs]) + "\n")


def digits():
    labels = np.arange(12) % 4
    images = rng.integers(0, 40, (12, 4, 4))
    for image, label in zip(images, labels):
        y, x = 2 * (label // 2), 2 * (label % 2)
        image[y:y + 2, x:x + 2] += 200
    with open("digits.idx", "wb") as out:
        out.write(struct.pack(">4B3I", 0, 0, 8, 3, 12, 4, 4) + images.astype(np.uint8).tobytes())
    with open("digits-labels.idx.gz", "wb") as out:
        out.write(gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 12) + labels.astype(np.uint8).tobytes(),
                                mtime=0))


def wide():
    y = np.arange(12) % 3
    x = np.zeros((12, 1536), np.float32)
    for row, label in enumerate(y):
        x[row, label::3] = 1
        x[row, row::97] += 0.5
    np.savez_compressed("wide.npz", x=x, y=y)


def plain():
    tensors = {"0.weight": np.array([[1, 0], [0, 1], [-1, -1]], "<f4"), "0.bias": np.zeros(3, "<f4")}
    header, data = {}, b""
    for name in sorted(tensors):
        raw = tensors[name].tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open("plain.safetensors", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)
    np.save("plain.npy", np.array([[2, 0], [0, 2], [-2, -2], [0, 0]], np.float32))


def nets():
    def linear(name, inputs, outputs):
        return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}

    def norm(name, size, *more):
        return {name + "." + key: (size,) for key in ("weight", "bias", *more)}

    running = ("running_mean", "running_var")
    shapes = {
        **linear("custom.fc1", 6, 5), **linear("custom.fc2", 5, 4), "custom.out.weight": (3, 4),
        **linear("list.layers.0", 6, 5), **linear("list.layers.1", 5, 4), **linear("list.head", 4, 3),
        **linear("normed.0", 6, 5), **norm("normed.1", 5, *running), "normed.1.num_batches_tracked": (),
        **linear("normed.4", 5, 4), **norm("normed.5", 4), "normed.6.weight": (1,),
        **linear("normed.8", 4, 4), "normed.9.weight": (4,), **linear("normed.11", 4, 3),
        "conv.conv1.weight": (2, 1, 3, 3), **norm("conv.bn1", 2, *running), **linear("conv.fc.1", 8, 3),
        "torn.0.weight": (5, 6), "torn.2.weight": (3, 4),
        "embedding.weight": (7, 2, 2), "embedding.scale": (2,),
        **linear("odd.a b", 2, 2), **linear("deep.block.0.fc", 4, 4), **linear("deep.block.1.fc", 4, 4),
    }
    np.savez("nets.npz", **{name: np.zeros(shape, np.int64 if shape == () else np.float32)
                            for name, shape in shapes.items()})


flowers()
signs()
digits()
wide()
plain()
nets()
