#!/usr/bin/env python3
"""Makes the folders hub-*: small models in the layouts that model hubs have. The files are committed.

Only the shapes of the heads matter; what stands for a backbone is a tensor or two. Weights are whole
numbers over 8, so that every sum of them is exact and the results can be worked out by hand.
"""
import json
import os
import struct


def weights(rows, columns, seed):
    return [((7 * i + seed) % 11 - 5) / 8 for i in range(rows * columns)]


def linear(name, inputs, outputs, seed, bias=True):
    made = {name + ".weight": ([outputs, inputs], weights(outputs, inputs, seed))}
    if bias:
        made[name + ".bias"] = ([outputs], weights(outputs, 1, seed + 3))
    return made


def safetensors(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(tensors):
        shape, numbers = tensors[name]
        raw = struct.pack("<%df" % len(numbers), *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def save(folder, config, tensors, parts=None):
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/config.json", "w") as out:
        json.dump(config, out, indent=2)
        out.write("\n")
    if parts is None:
        safetensors(folder + "/model.safetensors", tensors)
        return
    index = {}
    for i, names in enumerate(parts):
        file = "model-%05d-of-%05d.safetensors" % (i + 1, len(parts))
        safetensors(folder + "/" + file, {name: tensors[name] for name in names})
        index.update({name: file for name in names})
    with open(folder + "/model.safetensors.index.json", "w") as out:
        json.dump({"metadata": {"total_size": 0}, "weight_map": index}, out, indent=2)
        out.write("\n")


def main():
    backbone = {"encoder.layer.0.weight": ([4, 4], weights(4, 4, 1)), "encoder.norm": ([4], weights(4, 1, 2))}
    labels = {"0": "cat", "1": "dog", "2": "bird"}
    save("hub-bert", {"architectures": ["BertForSequenceClassification"], "model_type": "bert",
                      "hidden_act": "gelu", "id2label": labels},
         {**backbone, **linear("classifier", 4, 3, 0)})
    save("hub-roberta", {"architectures": ["RobertaForSequenceClassification"], "model_type": "roberta",
                         "id2label": labels, "problem_type": "multi_label_classification"},
         {**backbone, **linear("classifier.dense", 4, 4, 0), **linear("classifier.out_proj", 4, 3, 5)})
    save("hub-score", {"architectures": ["LlamaForSequenceClassification"], "model_type": "llama",
                       "id2label": labels},
         {**backbone, **linear("score", 4, 3, 0, bias=False)},
         [["encoder.layer.0.weight"], ["encoder.norm", "score.weight"]])
    save("hub-timm", {"architecture": "convnext_atto", "num_classes": 3, "num_features": 4,
                      "pretrained_cfg": {"classifier": "head.fc", "num_classes": 3},
                      "label_names": ["n01", "n02", "n03"]},
         {**backbone, "head.fc.weight": ([3, 4, 1, 1], weights(3, 4, 0)),
          "head.fc.bias": ([3], weights(3, 1, 3))})
    save("hub-dense", {"in_features": 4, "out_features": 3, "bias": True,
                       "activation_function": "torch.nn.modules.activation.Tanh"},
         linear("linear", 4, 3, 0))


main()
