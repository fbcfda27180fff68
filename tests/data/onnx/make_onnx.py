#!/usr/bin/env python3
"""Writes the ONNX files of this folder and index.txt, which says what is to come of each.

    make_onnx.py        in this folder

Needs Debian's python3-torch 1.13.1 and python3-onnx 1.12.0, and onnxruntime 1.32.0 from PyPI (it computes
what the graphs give). A line of index.txt holds a file's name, a status, and the model's text or the
error's message, with tabs between. A file that can be read has its own proof in its metadata: rows as
`x`, and as `y` what ONNX Runtime makes of them. The same script writes the same files.
"""
import os
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
index = []
rng = np.random.default_rng(7)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array, dtype=np.float32), name)


def integers(name, values):
    return numpy_helper.from_array(np.asarray(values, dtype=np.int64), name)


def node(op, inputs, output="y", **attributes):
    return helper.make_node(op, inputs.split(), [output], name="n_" + output, **attributes)


def model(nodes, constants=(), shape=("batch", 4), opset=13, elem_type=TensorProto.FLOAT, **extra):
    inputs = [helper.make_tensor_value_info("x", elem_type, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(list(nodes), "graph", inputs, outputs, list(constants))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test")
    made.ir_version = 8
    for key, value in extra.items():
        made.metadata_props.add(key=key, value=value)
    return made


def line(name, status, text):
    index.append(f"{name}\t{status}\t" + " ".join(text.split()))


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def good(name, made, text, rows=3, row=None):
    """Writes a model with rows and what ONNX Runtime gives for them."""
    shape = [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim]
    shape = [rows if shape[0] == 0 else shape[0]] + (row or shape[1:])
    x = rng.standard_normal(shape).astype(np.float32)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {session.get_inputs()[0].name: x})[0]
    made.metadata_props.add(key="x", value=" ".join(map(repr, x.ravel().tolist())))
    made.metadata_props.add(key="y", value=" ".join(map(repr, y.ravel().tolist())))
    write(name, made.SerializeToString())
    line(name, "OK", text)


def bad(name, made, status, message):
    write(name, made if isinstance(made, bytes) else made.SerializeToString())
    line(name, status, message)


def exported(name, module, shape, text, opset=13, dynamic=True, **options):
    torch.manual_seed(3)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    axes = {"x": {0: "batch"}} if dynamic else None
    torch.onnx.export(module.eval(), torch.randn(*shape), name, opset_version=opset, input_names=["x"],
                      output_names=["y"], dynamic_axes=axes, **options)
    good(name, onnx.load(name), text)


class View(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 2)

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))


LINEAR = "Linear(in_features=4, out_features=3, bias=True)"
NO_BIAS = "Linear(in_features=4, out_features=3, bias=False)"
W = rng.standard_normal((3, 4))
B = rng.standard_normal(3)

# ---- what torch.onnx.export writes ----
exported("torch_mlp.onnx", nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3),
                                         nn.Softmax(-1)), (2, 4),
         "Sequential(Linear(in_features=4, out_features=5, bias=True), ReLU(), "
         "Linear(in_features=5, out_features=3, bias=True), Softmax(dim=-1))")
exported("torch_rank3.onnx", nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)), (2, 3, 4),
         f"Sequential({LINEAR}, ReLU(), Linear(in_features=3, out_features=2, bias=False))")
exported("torch_flatten.onnx", nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (2, 3, 4),
         "Sequential(Flatten(start_dim=1, end_dim=-1), Linear(in_features=12, out_features=2, bias=True))",
         opset=9, dynamic=False)
exported("torch_view.onnx", View(), (2, 3, 4),
         "Sequential(Flatten(start_dim=1, end_dim=2), Linear(in_features=12, out_features=2, bias=True))")
exported("torch_view_9.onnx", View(), (2, 3, 4),
         "Sequential(Flatten(start_dim=1, end_dim=2), Linear(in_features=12, out_features=2, bias=True))", opset=9)
for opset in (9, 15):
    exported(f"torch_run_{opset}.onnx", nn.Sequential(nn.Flatten(1, 2), nn.Flatten(2), nn.Linear(8, 2)), (2, 2, 3, 2, 4),
             "Sequential(Flatten(start_dim=1, end_dim=2), Flatten(start_dim=2, end_dim=3), "
             "Linear(in_features=8, out_features=2, bias=True))", opset=opset)
for opset in (9, 13):
    exported(f"torch_unfolded_{opset}.onnx",
             nn.Sequential(nn.Linear(4, 3), nn.Hardshrink(0.25), nn.Softshrink(0.25), nn.PReLU(2)), (2, 2, 4),
             f"Sequential({LINEAR}, Hardshrink(0.25), Softshrink(0.25), PReLU(num_parameters=2))", opset=opset,
             do_constant_folding=False)
for i, (module, text) in enumerate([
        (nn.ELU(0.5), "ELU(alpha=0.5)"), (nn.SELU(), "SELU()"), (nn.CELU(2.0), "CELU(alpha=2.0)"),
        (nn.LeakyReLU(0.3), "LeakyReLU(negative_slope=0.3)"), (nn.ReLU6(), "ReLU6()"),
        (nn.Hardtanh(-2, 3), "Hardtanh(min_val=-2.0, max_val=3.0)"), (nn.GELU(), "GELU(approximate='none')"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"), (nn.SiLU(), "SiLU()"), (nn.Mish(), "Mish()"),
        (nn.Softplus(), "Softplus(beta=1, threshold=20)"), (nn.Softplus(2), "Softplus(beta=2.0, threshold=20)"),
        (nn.Softsign(), "Softsign()"), (nn.Tanh(), "Tanh()"), (nn.Sigmoid(), "Sigmoid()"),
        (nn.LogSigmoid(), "LogSigmoid()"), (nn.Hardswish(), "Hardswish()"), (nn.Hardsigmoid(), "Hardsigmoid()"),
        (nn.Hardshrink(), "Hardshrink(0.5)"), (nn.Softshrink(0.25), "Softshrink(0.25)"),
        (nn.PReLU(), "PReLU(num_parameters=1)"), (nn.PReLU(3), "PReLU(num_parameters=3)"),
        (nn.LayerNorm(3, eps=1e-3), "LayerNorm((3,), eps=0.001)"),
        (nn.LayerNorm(3, elementwise_affine=False), "LayerNorm((3,), elementwise_affine=False)"),
        (nn.BatchNorm1d(3), "BatchNorm1d(3)"), (nn.Softmin(1), "Softmin(dim=-1)"),
        (nn.Tanhshrink(), "Tanhshrink()"), (nn.LogSoftmax(1), "LogSoftmax(dim=-1)")]):
    opset = 15 if isinstance(module, nn.Hardswish) else 12
    exported(f"torch_{type(module).__name__.lower()}_{i}.onnx", nn.Sequential(nn.Linear(4, 3), module), (2, 4),
             f"Sequential({LINEAR}, {text})", opset=opset)

# ---- products in all their forms ----
C13 = [tensor("w", W), tensor("b", B)]
good("gemm_alpha_beta.onnx", model([node("Gemm", "x w b", transB=1, alpha=0.5, beta=2.0)], C13),
     f"Sequential({LINEAR})")
good("gemm_plain.onnx", model([node("Gemm", "x w b")], [tensor("w", W.T), tensor("b", B)]), f"Sequential({LINEAR})")
good("gemm_no_c.onnx", model([node("Gemm", "x w")], [tensor("w", W.T)]), f"Sequential({NO_BIAS})")
good("gemm_beta_0.onnx", model([node("Gemm", "x w b", transB=1, beta=0.0)], C13), f"Sequential({NO_BIAS})")
good("gemm_scalar_c.onnx", model([node("Gemm", "x w b", transB=1, beta=3.0)], [C13[0], tensor("b", 0.5)]),
     f"Sequential({LINEAR})")
good("gemm_row_c.onnx", model([node("Gemm", "x w b", transB=1)], [C13[0], tensor("b", B[None])]),
     f"Sequential({LINEAR})")
good("matmul_add.onnx", model([node("MatMul", "x w", "m"), node("Add", "b m")], [tensor("w", W.T), C13[1]]),
     f"Sequential({LINEAR})")
good("matmul_transpose.onnx",
     model([node("Transpose", "w", "t"), node("Identity", "t", "i"), node("MatMul", "x i")], [C13[0]]),
     f"Sequential({NO_BIAS})")
good("transpose_perm.onnx", model([node("Transpose", "w", "t", perm=[1, 0]), node("Gemm", "x t")], [C13[0]]),
     f"Sequential({NO_BIAS})")
good("constant_node.onnx",
     model([node("Constant", "", "w", value=tensor("", W)), node("Constant", "", "b", value_floats=[1.0, 2.0, 3.0]),
            node("Gemm", "x w b", transB=1)]), f"Sequential({LINEAR})")
good("constant_numbers.onnx",
     model([node("Constant", "", "low", value_float=-1.0), node("Constant", "", "shape", value_ints=[-1, 4]),
            node("Reshape", "x shape", "r"), node("Clip", "r low")], shape=("batch", 2, 2)),
     "Sequential(Flatten(start_dim=1, end_dim=2), Hardtanh(min_val=-1.0, max_val=3.4028234663852886e+38))")

# ---- dtypes and where the numbers stand ----
for name, array in (("float16", W.astype(np.float16)), ("double", W)):
    weight = numpy_helper.from_array(array, "w16")
    good(f"weights_{name}.onnx",
         model([node("Cast", "w16", "w", to=1), node("Gemm", "x w", transB=1)], [weight]), f"Sequential({NO_BIAS})")
typed = helper.make_tensor("w", TensorProto.FLOAT, W.shape, W.ravel().tolist())
good("typed_float.onnx", model([node("Gemm", "x w", transB=1)], [typed]), f"Sequential({NO_BIAS})")
half = helper.make_tensor("w16", TensorProto.FLOAT16, W.shape, W.astype(np.float16).ravel().tolist())
good("typed_float16.onnx", model([node("Cast", "w16", "w", to=1), node("Gemm", "x w", transB=1)], [half]),
     f"Sequential({NO_BIAS})")

# ---- activations that torch.onnx.export does not write so ----
for i, (nodes, constants, opset, text) in enumerate([
        ([node("Clip", "x low")], [tensor("low", 0.0)], 13, "ReLU()"),
        ([node("Clip", "x low high")], [tensor("low", 0.0), tensor("high", 6.0)], 13, "ReLU6()"),
        ([helper.make_node("Clip", ["x", "", "high"], ["y"], name="n_y")], [tensor("high", 0.5)], 13,
         "Hardtanh(min_val=-3.4028234663852886e+38, max_val=0.5)"),
        ([node("Clip", "x", min=0.0, max=6.0)], [], 10, "ReLU6()"),
        ([node("Clip", "x", max=0.25)], [], 10, "Hardtanh(min_val=-3.4028235e+38, max_val=0.25)"),
        ([node("ThresholdedRelu", "x", alpha=0.75)], [], 13, "Threshold(threshold=0.75, value=0)"),
        ([node("Shrink", "x", lambd=0.25)], [], 13, "Hardshrink(0.25)"),
        ([node("Shrink", "x", lambd=0.25, bias=0.25)], [], 13, "Softshrink(0.25)"),
        ([node("HardSwish", "x")], [], 14, "Hardswish()"),
        ([node("Mish", "x")], [], 18, "Mish()"),
        ([node("Gelu", "x")], [], 20, "GELU(approximate='none')"),
        ([node("Gelu", "x", approximate="tanh")], [], 20, "GELU(approximate='tanh')"),
        ([node("Softsign", "x")], [], 13, "Softsign()"),
        ([node("Elu", "x")], [], 13, "ELU(alpha=1.0)"),
        ([node("LeakyRelu", "x")], [], 13, "LeakyReLU(negative_slope=0.01)"),
        ([node("Softmax", "x")], [], 13, "Softmax(dim=-1)"),
        ([node("Softmax", "x")], [], 9, "Softmax(dim=-1)"),
        ([node("Dropout", "x ratio")], [tensor("ratio", 0.25)], 13, "Dropout(p=0.25)"),
        ([node("Dropout", "x", ratio=0.75)], [], 9, "Dropout(p=0.75)"),
        ([node("Dropout", "x")], [], 13, "Dropout()"),
        ([node("Identity", "x")], [], 13, "Identity()")]):
    good(f"op_{nodes[0].op_type.lower()}_{i}.onnx", model(nodes, constants, opset=opset), f"Sequential({text})")

for name, made, text in [
        ("op_softmax_dim.onnx", model([node("Softmax", "x", axis=-2)], shape=("n", 2, 3)), "Softmax(dim=1)"),
        ("op_unflatten.onnx", model([node("Reshape", "x s")], [integers("s", [-1, 2, 2])]),
         "Unflatten(dim=1, unflattened_size=(2, 2))"),
        ("op_prelu_channels.onnx", model([node("PRelu", "x s")], [tensor("s", [[0.5], [-0.25], [2]])], shape=("n", 3, 2)),
         "PReLU(num_parameters=3)"),
        ("op_layer_norm.onnx", model([node("LayerNormalization", "x s b", axis=1, epsilon=1e-3)],
                                     [tensor("s", rng.random((2, 3))), tensor("b", rng.random((2, 3)))],
                                     shape=("n", 2, 3), opset=17), "LayerNorm((2, 3), eps=0.001)"),
        ("op_layer_norm_scale.onnx", model([node("LayerNormalization", "x s")], [tensor("s", [1, 2, 3, 4])], opset=17),
         "LayerNorm((4,), bias=False)")]:
    good(name, made, f"Sequential({text})")

# ---- the input's scaling ----
good("scale_standard.onnx",
     model([node("Mul", "x scale", "s"), node("Sub", "s mean", "c"), node("Div", "c std", "d"),
            node("Gemm", "d w b", transB=1)],
           C13 + [tensor("scale", 0.5), tensor("mean", rng.standard_normal(4)), tensor("std", rng.random(4) + 0.5)]),
     f"Sequential({LINEAR})")
good("scale_image.onnx",
     model([node("Div", "x scale", "s"), node("Add", "s mean", "c"), node("Mul", "c std", "d"), node("Flatten", "d", "f"),
            node("Gemm", "f w b", transB=1)],
           C13 + [tensor("scale", 2.0), tensor("mean", [[[0.5]], [[-0.25]]]), tensor("std", [[[2.0]], [[4.0]]])],
           shape=("batch", 2, 1, 2)),
     f"Sequential(Flatten(start_dim=1, end_dim=-1), {LINEAR})")
good("scale_std_alone.onnx", model([node("Div", "x std")], [tensor("std", [1.0, 2.0, 3.0, 4.0])]),
     "Sequential(Identity())")
good("cast_input.onnx", model([node("Cast", "x", "c", to=1), node("Relu", "c")]), "Sequential(ReLU())")
good("classes.onnx", model([node("Gemm", "x w b", transB=1)], C13, **{"linnet.classes": '["ant","bee","cat"]'}),
     f"Sequential({LINEAR})")

# ---- external data ----
outside = model([node("Gemm", "x w b", transB=1)], C13)
good("external.onnx", outside, f"Sequential({LINEAR})")
blob = b"".join(t.raw_data for t in outside.graph.initializer)
write("external.bin", b"\1\2\3" + blob)


def external(location="external.bin", offset="3", length=None, dims=None):
    made = onnx.ModelProto()
    made.CopyFrom(outside)
    at = int(offset) if offset.isdigit() else 0
    for t in made.graph.initializer:
        size = len(t.raw_data)
        t.ClearField("raw_data")
        t.data_location = TensorProto.EXTERNAL
        t.external_data.add(key="location", value=location)
        t.external_data.add(key="offset", value=str(at) if offset.isdigit() else offset)
        t.external_data.add(key="length", value=length or str(size))
        at += size
    return made


bad("external.onnx", external(), "OK", index.pop().split("\t")[2])
bad("external_parent.onnx", external("../onnx/external.bin"), "FORMAT",
    "tensor 'w': external data '../onnx/external.bin': expected a relative path that stays in the file's own folder")
bad("external_absolute.onnx", external("/etc/passwd"), "FORMAT",
    "tensor 'w': external data '/etc/passwd': expected a relative path that stays in the file's own folder")
bad("external_nowhere.onnx", external(""), "FORMAT",
    "tensor 'w': external data '': expected a relative path that stays in the file's own folder")
bad("external_missing.onnx", external("missing.bin"), "IO",
    "tensor 'w': external data 'missing.bin': cannot open: No such file or directory")
bad("external_past.onnx", external(offset="100"), "FORMAT",
    "tensor 'w': expected bytes within the 63 of its external data, found offset 100 and length 48")
bad("external_offset.onnx", external(offset="-1"), "FORMAT",
    "tensor 'w': expected a whole number from 0 on as offset of external_data, found '-1'")
bad("external_length.onnx", external(length="47"), "FORMAT",
    "tensor 'w': dims and data_type ask for 48 bytes, length of external_data holds 47")

# ---- the message ----
whole = model([node("Gemm", "x w b", transB=1)], C13)
data = whole.SerializeToString()
bad("cut.onnx", data[:-5], "FORMAT", "expected an ONNX model, found no well-formed protobuf message")
bad("noise.onnx", bytes(range(1, 200)), "FORMAT", "expected an ONNX model, found no well-formed protobuf message")


def changed(change, source=whole):
    made = onnx.ModelProto()
    made.CopyFrom(source)
    change(made)
    return made


bad("no_graph.onnx", changed(lambda m: m.ClearField("graph")), "FORMAT",
    "expected an ONNX model, found none with a graph")
bad("no_version.onnx", changed(lambda m: m.ClearField("ir_version")), "FORMAT",
    "expected an ONNX model, found none with an ir_version")
bad("no_opset.onnx", changed(lambda m: m.ClearField("opset_import")), "FORMAT",
    "expected opset_import to name a version of the default domain")


def set_opset(made, version):
    made.opset_import[0].version = version


bad("new_opset.onnx", changed(lambda m: set_opset(m, 1000)), "UNSUPPORTED",
    "expected opset 28 or older, found opset 1000")
bad("model_key.onnx", changed(lambda m: m.metadata_props.add(key="linnet.model", value="ReLU()")), "FORMAT",
    "metadata key 'linnet.model': an ONNX file says this in its graph")
# ---- values ----
bad("two_inputs.onnx", changed(lambda m: m.graph.input.add().CopyFrom(
    helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))), "UNSUPPORTED",
    "expected a graph with one input, found 2")
bad("two_outputs.onnx", changed(lambda m: m.graph.output.add().CopyFrom(
    helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]))), "UNSUPPORTED",
    "expected a graph with one output, found 2")
bad("no_input.onnx", changed(lambda m: m.graph.ClearField("input")), "UNSUPPORTED",
    "expected a graph with one input, found 0")


def rename_output(made, name):
    made.graph.output[0].name = name


bad("output_unknown.onnx", changed(lambda m: rename_output(m, "q")), "FORMAT",
    "expected the graph's output 'q' to be made of its input")
bad("output_constant.onnx", changed(lambda m: rename_output(m, "w")), "FORMAT",
    "expected the graph's output 'w' to be made of its input")
bad("input_unknown.onnx", model([node("Relu", "z")]), "FORMAT",
    "node 'n_y' (Relu): expected inputs that are there before it, found 'z'")
bad("order.onnx", model([node("Relu", "a"), node("Relu", "x", "a")]), "FORMAT",
    "node 'n_y' (Relu): expected inputs that are there before it, found 'a'")
bad("output_twice.onnx", model([node("Relu", "x"), node("Relu", "x")]), "FORMAT",
    "node 'n_y' (Relu): expected outputs with names of their own, found 'y' again")
bad("initializer_twice.onnx", model([node("Gemm", "x w")], [tensor("w", W.T), tensor("w", W.T)]), "FORMAT",
    "expected a name of its own for every initializer, found 'w'")
bad("initializer_unnamed.onnx", model([node("Gemm", "x w")], [tensor("w", W.T), tensor("", W.T)]), "FORMAT",
    "expected a name of its own for every initializer, found none")
bad("perm.onnx", model([node("Transpose", "w", "t", perm=[1, 1]), node("Gemm", "x t")], [C13[0]]), "FORMAT",
    "node 'n_t' (Transpose): expected perm to be a permutation of the 2 dimensions")
bad("constant_string.onnx", model([node("Constant", "", "c", value_string="a"), node("Add", "x c")]), "UNSUPPORTED",
    "node 'n_c' (Constant): expected one attribute: value with a tensor, value_float, value_floats, value_int or "
    "value_ints")
bad("input_integer.onnx", model([node("Relu", "x")], elem_type=TensorProto.INT64), "UNSUPPORTED",
    "expected a graph whose input is floating-point, found elem_type 7")
bad("input_scalar.onnx", model([node("Relu", "x")], shape=()), "UNSUPPORTED",
    "expected a graph whose input has 1 to 16 dimensions, rows first, found 0")

# ---- tensors ----


def weight(**fields):
    made = changed(lambda m: None)
    for field, value in fields.items():
        target = made.graph.initializer[0]
        if field == "dims":
            del target.dims[:]
            target.dims.extend(value)
        elif value is None:
            target.ClearField(field)
        else:
            setattr(target, field, value)
    return made


bad("tensor_type.onnx", weight(data_type=8), "UNSUPPORTED",
    "tensor 'w': expected a data_type that Linnet knows, found 8")
bad("tensor_rank.onnx", weight(dims=[1] * 17), "UNSUPPORTED", "tensor 'w': expected at most 16 dimensions")
bad("tensor_negative.onnx", weight(dims=[-3, -4]), "FORMAT", "tensor 'w': expected sizes from 0 on in dims")
bad("tensor_overflow.onnx", weight(dims=[1 << 40, 1 << 40]), "FORMAT",
    "tensor 'w': the product of the sizes in dims overflows")
bad("tensor_short.onnx", weight(raw_data=b"1234"), "FORMAT",
    "tensor 'w': dims and data_type ask for 48 bytes, raw_data holds 4")
bad("tensor_large.onnx", weight(dims=[1 << 30, 4]), "FORMAT",
    f"tensor 'w': dims and data_type ask for {1 << 34} bytes, raw_data holds 48")
for number, field, size in ((1, "float_data", 4), (11, "double_data", 8), (7, "int64_data", 8), (13, "uint64_data", 8),
                            (6, "int32_data", 4), (10, "int32_data", 2)):
    bad(f"tensor_no_{number}.onnx", weight(raw_data=None, data_type=number), "FORMAT",
        f"tensor 'w': dims and data_type ask for {12 * size} bytes, {field} holds 0")
bad("tensor_uint32.onnx", weight(raw_data=None, data_type=12), "UNSUPPORTED",
    "tensor 'w': expected raw_data for data_type 12")
segment = changed(lambda m: None)
segment.graph.initializer[0].segment.begin = 0
bad("tensor_segment.onnx", segment, "UNSUPPORTED", "tensor 'w': expected a whole tensor, found a segment")

# ---- operators ----
for name, made, message in [
        ("conv", model([node("Conv", "x w")], [tensor("w", np.ones((1, 1, 1, 1)))], shape=("n", 1, 2, 2)),
         "node 'n_y' (Conv): no module stands for this operator"),
        ("unnamed", model([helper.make_node("Conv", ["x"], ["y"])]),
         "node 0 (Conv): no module stands for this operator"),
        ("domain", model([node("Relu", "x", domain="com.example")]),
         "node 'n_y' (Relu): no module stands for this operator"),
        ("second_output", model([helper.make_node("Dropout", ["x"], ["a", "y"], name="n_y")]),
         "node 'n_y' (Dropout): no module stands for this operator"),
        ("gemm_trans_a", model([node("Gemm", "x w", transA=1)], C13[:1]),
         "node 'n_y' (Gemm): expected attribute 'transA' to be 0, found 1"),
        ("gemm_attribute", model([node("Gemm", "x w b", activation="Relu")], C13),
         "node 'n_y' (Gemm): it has attribute 'activation', which no module stands for"),
        ("gemm_turned", model([node("Gemm", "w x b")], C13),
         "node 'n_y' (Gemm): expected a product of the input with weights, found it turned round"),
        ("gemm_c_matrix", model([node("Gemm", "x w c", transB=1)], [C13[0], tensor("c", np.ones((2, 3)))]),
         "node 'n_y' (Gemm): expected a summand of 3 numbers, the same for every row, found one of shape [2, 3]"),
        ("gemm_c_column", model([node("Gemm", "x w c", transB=1)], [C13[0], tensor("c", np.ones((2, 1)))]),
         "node 'n_y' (Gemm): expected a summand of 3 numbers, the same for every row, found one of shape [2, 1]"),
        ("gemm_rank", model([node("Gemm", "x w", transB=1)], C13[:1], shape=("n", 2, 4)),
         "node 'n_y' (Gemm): expected an input of 2 dimensions, rows first, found one of 3"),
        ("gemm_features", model([node("Gemm", "x w", transB=1)], C13[:1], shape=("n", 5)),
         "node 'n_y' (Gemm): expected an input of 4 features, as its weight has, found one of 5"),
        ("gemm_integers", model([node("Gemm", "x w")], [integers("w", [[1, 2]] * 4)]),
         "node 'n_y' (Gemm): expected a weight of 2 dimensions and a floating-point dtype, found one of 2 and int64"),
        ("gemm_bias_integers", model([node("Gemm", "x w b", transB=1)], [C13[0], integers("b", [1, 2, 3])]),
         "node 'n_y' (Gemm): expected a summand of a floating-point dtype to a product of 1 or more features"),
        ("gemm_empty", model([node("Gemm", "x w b", transB=1)], [tensor("w", np.ones((3, 0))), tensor("b", 1.0)],
                             shape=("n", 0)),
         "node 'n_y' (Gemm): expected a summand of a floating-point dtype to a product of 1 or more features"),
        ("matmul_vector", model([node("MatMul", "x w")], [tensor("w", np.ones(4))]),
         "node 'n_y' (MatMul): expected a weight of 2 dimensions and a floating-point dtype, found one of 1 and "
         "float32"),
        ("matmul_row", model([node("MatMul", "x w")], [tensor("w", W.T)], shape=(4,)),
         "node 'n_y' (MatMul): expected an input of 2 or more dimensions, rows first, found one of 1"),
        ("weights_computed", model([node("Relu", "x", "r"), node("MatMul", "x r")]),
         "node 'n_y' (MatMul): expected a constant, found what the graph computes"),
        ("residual", model([node("Relu", "x", "r"), node("Add", "x r")]),
         "node 'n_y' (Add): what comes before it is not what a module is made of"),
        ("branches", model([node("Relu", "x", "r"), node("Sigmoid", "x", "s"), node("Mul", "r s")]),
         "node 'n_y' (Mul): what comes before it is not what a module is made of"),
        ("hardsigmoid", model([node("HardSigmoid", "x")]),
         "node 'n_y' (HardSigmoid): expected attribute 'alpha' to be 0.16666666666666666, found 0.2"),
        ("gelu_word", model([node("Gelu", "x", approximate="sigmoid")], opset=20),
         "node 'n_y' (Gelu): one of its attributes is another word"),
        ("cast", model([node("Cast", "x", to=11)]), "node 'n_y' (Cast): expected attribute 'to' to be 1, found 11"),
        ("cast_nothing", model([node("Cast", "x")]), "node 'n_y' (Cast): one of its attributes is not there"),
        ("shrink", model([node("Shrink", "x", lambd=0.5, bias=0.25)]),
         "node 'n_y' (Shrink): expected attribute 'bias' to be 0.0, found 0.25"),
        ("clip_infinite", model([node("Clip", "x low")], [tensor("low", -np.inf)]),
         "node 'n_y' (Clip): expected a finite number as min_val, found -inf"),
        ("clip_tensor", model([node("Clip", "x low")], [tensor("low", [1, 2, 3, 4])]),
         "node 'n_y' (Clip): expected one number as constant, found a tensor"),
        ("dropout_training", model([node("Dropout", "x ratio training")],
                                   [tensor("ratio", 0.5), numpy_helper.from_array(np.array(True), "training")]),
         "node 'n_y' (Dropout): expected the constant False, found 1"),
        ("softmax_axis", model([node("Softmax", "x", axis=0)], shape=("n", 2, 3)),
         "node 'n_y' (Softmax): expected axis to be one dimension of each row, found 0"),
        ("softmax_old", model([node("Softmax", "x", axis=1)], shape=("n", 2, 3), opset=9),
         "node 'n_y' (Softmax): expected axis to be one dimension of each row, found 1"),
        ("prelu", model([node("PRelu", "x s")], [tensor("s", np.ones(2))]),
         "node 'n_y' (PRelu): expected one slope, or one for each element of dimension 1"),
        ("prelu_last", model([node("PRelu", "x s")], [tensor("s", np.ones(4))], shape=("n", 3, 4)),
         "node 'n_y' (PRelu): expected one slope, or one for each element of dimension 1"),
        ("batch_norm_rank", model([node("BatchNormalization", "x s s s s")], [tensor("s", np.ones(2))],
                                  shape=("n", 2, 1, 1)),
         "node 'n_y' (BatchNormalization): expected an input of 2 or 3 dimensions, found one of 4"),
        ("batch_norm_size", model([node("BatchNormalization", "x s s t s")],
                                  [tensor("s", np.ones(4)), tensor("t", np.ones(3))]),
         "node 'n_y' (BatchNormalization): expected a number for each element of dimension 1 as running_mean"),
        ("batch_norm_training", model([node("BatchNormalization", "x s s s s", training_mode=1)],
                                      [tensor("s", np.ones(4))], opset=15),
         "node 'n_y' (BatchNormalization): expected attribute 'training_mode' to be 0, found 1"),
        ("layer_norm_axis", model([node("LayerNormalization", "x s", axis=0)], [tensor("s", np.ones(4))], opset=17),
         "node 'n_y' (LayerNormalization): expected a norm over the last dimensions of each row, and weights of "
         "their sizes"),
        ("layer_norm_size", model([node("LayerNormalization", "x s")], [tensor("s", np.ones(1))], opset=17),
         "node 'n_y' (LayerNormalization): expected a norm over the last dimensions of each row, and weights of "
         "their sizes"),
        ("softmax_row", model([node("Softmax", "x")], shape=("n",)),
         "node 'n_y' (Softmax): expected an input of 2 or more dimensions, rows first, found one of 1"),
        ("flatten_axis", model([node("Flatten", "x", axis=2)], shape=("n", 2, 3)),
         "node 'n_y' (Flatten): expected axis 1, which keeps rows apart, of 2 or more dimensions, found axis 2"),
        ("reshape_rows", model([node("Reshape", "x s")], [integers("s", [2, 4])]),
         "node 'n_y' (Reshape): expected a shape that keeps rows apart: 0, -1 or the batch first"),
        ("reshape_split", model([node("Reshape", "x s")], [integers("s", [0, 3, 2])]),
         "node 'n_y' (Reshape): expected a shape that joins or splits dimensions of each row, found [-1, 3, 2]"),
        ("reshape_size", model([node("Reshape", "x s")], [integers("s", [-1, 8])]),
         "node 'n_y' (Reshape): expected a shape that joins or splits dimensions of each row, found [-1, 8]"),
        ("reshape_negative", model([node("Reshape", "x s")], [integers("s", [-1, -2])]),
         "node 'n_y' (Reshape): expected sizes from -1 on as its shape"),
        ("reshape_floats", model([node("Reshape", "x s")], [tensor("s", [-1, 4])]),
         "node 'n_y' (Reshape): expected sizes from -1 on as its shape"),
        ("run_start", model([node("Shape", "x", "s"), node("Slice", "s zero zero zero", "h"),
                             node("Concat", "h rest", "c", axis=0), node("Reshape", "x c")],
                            [integers("zero", [0]), integers("rest", [-1])]),
         "node 'n_y' (Reshape): expected a shape that joins dimensions of each row"),
        ("run_computed", model([node("Shape", "x", "s"), node("Concat", "s rest", "c", axis=0), node("Reshape", "x c")],
                               [integers("rest", [-1])]),
         "node 'n_y' (Reshape): expected a constant, found what the graph computes"),
        ("scale_late", model([node("Relu", "x", "r"), node("Mul", "r s")], [tensor("s", 2.0)]),
         "node 'n_y' (Mul): expected arithmetic with constants only as the input's scaling, (x * scale - mean) / std, "
         "before anything else"),
        ("scale_order", model([node("Div", "x s", "d"), node("Mul", "d s", "m"), node("Sub", "m s")],
                              [tensor("s", 2.0)]),
         "node 'n_y' (Sub): expected arithmetic with constants only as the input's scaling, (x * scale - mean) / std, "
         "before anything else"),
        ("scale_zero", model([node("Div", "x s")], [tensor("s", 0.0)]),
         "node 'n_y' (Div): expected finite numbers, and none from 0 down to divide by, found 0"),
        ("scale_negative", model([node("Div", "x s")], [tensor("s", [1, 2, -1, 4])]),
         "node 'n_y' (Div): expected finite numbers, and none from 0 down to divide by, found -1"),
        ("scale_nan", model([node("Sub", "x s")], [tensor("s", np.nan)]),
         "node 'n_y' (Sub): expected finite numbers, and none from 0 down to divide by, found nan"),
        ("scale_unknown", model([node("Sub", "x s")], [tensor("s", 1.0)], shape=("n", "f")),
         "node 'n_y' (Sub): expected the graph's input to say the sizes of a row that is scaled"),
        ("scale_rows", model([node("Sub", "x s")], [tensor("s", np.ones((2, 4)))]),
         "node 'n_y' (Sub): expected a constant that scales every row alike"),
        ("scale_mismatch", model([node("Sub", "x s")], [tensor("s", np.ones(3))]),
         "node 'n_y' (Sub): expected a constant that scales every row alike")]:
    features = "as its weight" in message or "(BatchNormalization): expected a number" in message
    shape = "dimensions, rows first" in message and "Softmax" not in message
    bad(f"bad_{name}.onnx", made, "FORMAT" if features or shape or "sizes from -1" in message else "UNSUPPORTED", message)

# ---- what graphs may leave open ----
def open_shape(name, nodes, constants, text, **options):
    """A graph whose input has no shape; what it gives is known from the one that has."""
    good(name, model(nodes, constants, **options), text)
    made = onnx.load(name)
    made.graph.input[0].type.tensor_type.ClearField("shape")
    write(name, made.SerializeToString())


open_shape("open_gemm.onnx", [node("Gemm", "x w b", transB=1)], C13, f"Sequential({LINEAR})")
open_shape("open_flatten.onnx", [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1)], C13,
           f"Sequential(Flatten(start_dim=1, end_dim=-1), {LINEAR})", shape=("batch", 2, 2))
good("view_int.onnx",
     model([node("Constant", "", "zero", value_int=0), node("Shape", "x", "s"), node("Gather", "s zero", "g", axis=0),
            node("Unsqueeze", "g first", "u"),
            node("Concat", "u rest", "c", axis=0), node("Reshape", "x c", "f"), node("Gemm", "f w b", transB=1)],
           [integers("first", [0]), integers("rest", [-1])] + C13, shape=("batch", 2, 2)),
     f"Sequential(Flatten(start_dim=1, end_dim=2), {LINEAR})")


def normalized(axes, shape):
    """LayerNorm without weights as exporters write it."""
    return model([node("ReduceMean", "x", "m", axes=axes), node("Sub", "x m", "d"), node("Pow", "d two", "p"),
                  node("ReduceMean", "p", "v", axes=axes), node("Add", "v eps", "e"), node("Sqrt", "e", "q"),
                  node("Div", "d q")], [tensor("two", 2.0), tensor("eps", 1e-5)], shape=shape)


good("norm_parts.onnx", normalized([1, 2], ("batch", 2, 3)), "Sequential(LayerNorm((2, 3), elementwise_affine=False))")
bad("bad_norm_axes.onnx", normalized([1, 3], ("batch", 2, 3, 2)), "UNSUPPORTED",
    "node 'n_y' (Div): what comes before it is not what a module is made of")
bad("bad_norm_last.onnx", normalized([1], ("batch", 2, 3)), "UNSUPPORTED",
    "node 'n_y' (Div): expected a norm over the last dimensions of each row, and weights of their sizes")
bad("bad_perm.onnx", model([node("Transpose", "w", "t", perm=[0, 2]), node("MatMul", "x t")], C13[:1]), "FORMAT",
    "node 'n_t' (Transpose): expected perm to be a permutation of the 2 dimensions")
bad("bad_unsqueeze.onnx", model([node("Unsqueeze", "b axes", "u"), node("Add", "x u")],
                                [tensor("b", np.ones(4)), integers("axes", [9])]), "UNSUPPORTED",
    "node 'n_y' (Add): what comes before it is not what a module is made of")
bad("bad_slice_axes.onnx", model([node("Shape", "x", "s"),
                                  helper.make_node("Slice", ["s"], ["h"], starts=[0], ends=[1], axes=[1]),
                                  node("Concat", "h rest", "c", axis=0), node("Reshape", "x c")],
                                 [integers("rest", [-1])], opset=9), "UNSUPPORTED",
    "node 'n_y' (Reshape): expected a constant, found what the graph computes")

with open("index.txt", "w") as file:
    file.write("\n".join(index) + "\n")
